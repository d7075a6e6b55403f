-- Quick, but readers meet nulls that they never met.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN amount DROP NOT NULL;
COMMIT;
