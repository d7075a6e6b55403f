-- Behind a change of the table nobody even reads meanwhile.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN weight integer;
UPDATE shop.orders SET weight = quantity * 3 WHERE weight IS NULL;
COMMIT;
