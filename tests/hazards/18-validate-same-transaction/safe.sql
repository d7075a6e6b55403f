-- Two transactions: others read and write while the rows are read.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_amount_positive CHECK (amount >= 0) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_amount_positive;
COMMIT;
