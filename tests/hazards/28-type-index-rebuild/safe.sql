-- The index goes first, and is built again while others work.

DROP INDEX CONCURRENTLY shop.orders_status_coupon_idx;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN coupon TYPE varchar(30) COLLATE "C";
COMMIT;
CREATE INDEX CONCURRENTLY orders_status_coupon_idx ON shop.orders (status, coupon);
