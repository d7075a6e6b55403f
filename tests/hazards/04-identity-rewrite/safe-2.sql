-- A plain column with a sequence of its own, old rows numbered in batches.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN position bigint;
CREATE SEQUENCE shop.orders_position_seq OWNED BY shop.orders.position;
ALTER TABLE shop.orders ALTER COLUMN position SET DEFAULT nextval('shop.orders_position_seq');
COMMIT;
UPDATE shop.orders SET position = nextval('shop.orders_position_seq') WHERE position IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET position = nextval('shop.orders_position_seq') WHERE position IS NULL AND id BETWEEN 10001 AND 20000;
BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_position_there CHECK (position IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_position_there;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ALTER COLUMN position SET NOT NULL;
ALTER TABLE shop.orders DROP CONSTRAINT orders_position_there;
COMMIT;
