-- The view that uses the column goes as well.

BEGIN;
ALTER TABLE shop.orders DROP COLUMN sent_on CASCADE;
COMMIT;
