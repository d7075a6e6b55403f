-- The index over two columns goes first.

DROP INDEX CONCURRENTLY shop.orders_status_coupon_idx;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders DROP COLUMN coupon;
COMMIT;
