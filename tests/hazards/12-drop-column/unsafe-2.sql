-- An index over two columns goes with one of them.

BEGIN;
ALTER TABLE shop.orders DROP COLUMN coupon;
COMMIT;
