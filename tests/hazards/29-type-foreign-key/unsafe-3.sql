-- A real change of type: everything is written anew, and the key is proved again.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN warehouse_id TYPE bigint;
COMMIT;
