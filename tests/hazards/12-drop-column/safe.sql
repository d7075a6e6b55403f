-- The foreign key and the index go first, by name; no code uses the column any more.

BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.warehouses, shop.orders IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.orders DROP CONSTRAINT orders_warehouse_id_fkey;
COMMIT;
DROP INDEX CONCURRENTLY shop.orders_warehouse_id_idx;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders DROP COLUMN warehouse_id;
COMMIT;
