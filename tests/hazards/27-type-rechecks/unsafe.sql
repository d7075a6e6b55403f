-- Longer texts are stored as shorter ones, but the CHECK is proved again, and the index that mentions the column is built again.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN coupon TYPE varchar(60);
COMMIT;
