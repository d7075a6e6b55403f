-- Of two values of json nobody can say whether they are equal.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN details json;
COMMIT;
