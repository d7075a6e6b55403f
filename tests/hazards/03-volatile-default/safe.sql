-- New rows get a value at once, old ones in batches; then it is proved that none is missing.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN token uuid;
ALTER TABLE shop.orders ALTER COLUMN token SET DEFAULT gen_random_uuid();
COMMIT;
UPDATE shop.orders SET token = gen_random_uuid() WHERE token IS NULL AND id BETWEEN 1 AND 5000;
UPDATE shop.orders SET token = gen_random_uuid() WHERE token IS NULL AND id BETWEEN 5001 AND 10000;
UPDATE shop.orders SET token = gen_random_uuid() WHERE token IS NULL AND id BETWEEN 10001 AND 15000;
UPDATE shop.orders SET token = gen_random_uuid() WHERE token IS NULL AND id BETWEEN 15001 AND 20000;
BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_token_there CHECK (token IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_token_there;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ALTER COLUMN token SET NOT NULL;
ALTER TABLE shop.orders DROP CONSTRAINT orders_token_there;
COMMIT;
