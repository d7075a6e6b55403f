-- Every row is read while nobody may read or write the table.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_amount_positive CHECK (amount >= 0);
COMMIT;
