-- The column, the CHECK for new rows, and the proof for old ones: a step each.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN discount integer;
ALTER TABLE shop.orders ADD CONSTRAINT orders_discount_check CHECK (discount >= 0) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_discount_check;
COMMIT;
