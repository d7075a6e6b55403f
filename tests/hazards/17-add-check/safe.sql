-- Added for new rows, then proved for the old ones while others read and write.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_amount_positive CHECK (amount >= 0) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_amount_positive;
COMMIT;
