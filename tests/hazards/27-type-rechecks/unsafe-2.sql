-- Without a limit it is the same.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN coupon TYPE text;
COMMIT;
