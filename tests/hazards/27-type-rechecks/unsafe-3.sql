-- Nothing mentions this column: nothing is read.
-- fires: no

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN currency TYPE varchar(10);
COMMIT;
