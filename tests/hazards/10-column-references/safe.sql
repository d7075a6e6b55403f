-- The column, the key for new rows, and the proof for old ones: a step each.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN depot_id integer DEFAULT 1;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_depot_id_fkey FOREIGN KEY (depot_id) REFERENCES shop.warehouses (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_depot_id_fkey;
COMMIT;
