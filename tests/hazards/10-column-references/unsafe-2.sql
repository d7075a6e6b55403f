-- Without a default nothing is read; writes to the other table wait for a moment.
-- fires: no

BEGIN;
ALTER TABLE shop.orders ADD COLUMN depot_id integer CONSTRAINT orders_depot_id_fkey REFERENCES shop.warehouses (id);
COMMIT;
