-- The index goes first and is built again while others work; the CHECK comes back for new rows, and is proved later.

DROP INDEX CONCURRENTLY shop.orders_no_coupon_idx;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders DROP CONSTRAINT orders_coupon_filled;
ALTER TABLE shop.orders ALTER COLUMN coupon TYPE varchar(60);
ALTER TABLE shop.orders ADD CONSTRAINT orders_coupon_filled CHECK (coupon <> '') NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_coupon_filled;
COMMIT;
CREATE INDEX CONCURRENTLY orders_no_coupon_idx ON shop.orders (placed_at) WHERE coupon IS NULL;
ANALYZE shop.orders (coupon);
