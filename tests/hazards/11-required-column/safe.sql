-- It comes nullable and is filled in batches; that none is missing is proved before it becomes NOT NULL.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN channel text;
COMMIT;
UPDATE shop.orders SET channel = 'web' WHERE channel IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET channel = 'web' WHERE channel IS NULL AND id BETWEEN 10001 AND 20000;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD CONSTRAINT orders_channel_there CHECK (channel IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_channel_there;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN channel SET NOT NULL;
ALTER TABLE shop.orders DROP CONSTRAINT orders_channel_there;
COMMIT;
