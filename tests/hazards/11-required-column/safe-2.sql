-- A constant as its default is computed once: no row is touched, and old INSERTs go on.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN channel text NOT NULL DEFAULT 'web';
COMMIT;
