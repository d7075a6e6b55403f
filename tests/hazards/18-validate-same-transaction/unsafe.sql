-- The lock of the first statement is held while the second one reads every row.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_amount_positive CHECK (amount >= 0) NOT VALID;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_amount_positive;
COMMIT;
