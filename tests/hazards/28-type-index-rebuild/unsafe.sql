-- The rows stay, but another order of texts means another index.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN coupon TYPE varchar(30) COLLATE "C";
COMMIT;
