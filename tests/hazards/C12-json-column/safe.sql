-- Of two values of jsonb one can.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN details jsonb;
COMMIT;
