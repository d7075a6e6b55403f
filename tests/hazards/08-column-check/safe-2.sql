-- The same with a default.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN discount integer DEFAULT 0 NOT NULL;
ALTER TABLE shop.orders ADD CONSTRAINT orders_discount_small CHECK (discount < 100) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_discount_small;
COMMIT;
