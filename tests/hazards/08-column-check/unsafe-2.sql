-- The default is a constant, which every row is checked against all the same.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN discount integer DEFAULT 0 NOT NULL CONSTRAINT orders_discount_small CHECK (discount < 100);
COMMIT;
