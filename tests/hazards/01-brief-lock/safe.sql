-- It gives up soon, and can be tried again.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN weight integer;
COMMIT;
