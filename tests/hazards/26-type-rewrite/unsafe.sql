-- A wider integer is stored otherwise: the table and its indexes are written anew.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN quantity TYPE bigint;
COMMIT;
