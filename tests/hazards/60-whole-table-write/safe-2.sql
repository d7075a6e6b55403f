-- Behind a change that is committed already.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN weight integer;
COMMIT;
UPDATE shop.orders SET weight = quantity * 3 WHERE weight IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET weight = quantity * 3 WHERE weight IS NULL AND id BETWEEN 10001 AND 20000;
