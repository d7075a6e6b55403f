-- Each of the old rows is looked up, although all of them have the same value.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN depot_id integer DEFAULT 1 CONSTRAINT orders_depot_id_fkey REFERENCES shop.warehouses (id);
COMMIT;
