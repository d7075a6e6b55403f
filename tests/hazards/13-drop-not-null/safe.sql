-- A default for who gives no value, so that readers still see no null; and no long wait for the lock.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 0;
COMMIT;
