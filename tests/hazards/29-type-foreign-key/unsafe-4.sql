-- The smallest table's key, but the large one is read and locked.

BEGIN;
ALTER TABLE shop.warehouses ALTER COLUMN id TYPE bigint;
COMMIT;
