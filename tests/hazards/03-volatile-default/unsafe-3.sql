-- So does a sequence.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN receipt bigint DEFAULT nextval('shop.invoice_numbers');
COMMIT;
