-- Nor does a cast to the type that it has cost anything.
-- fires: no

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN currency TYPE varchar(10) USING currency::varchar(10);
COMMIT;
