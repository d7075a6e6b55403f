-- Quick, but nothing limits how long it waits for its lock, and everybody waits behind it.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN weight integer;
COMMIT;
