-- So does a CHECK.

BEGIN;
ALTER TABLE shop.orders DROP COLUMN quantity;
COMMIT;
