-- Every row is read while nobody may read or write the table.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
COMMIT;
