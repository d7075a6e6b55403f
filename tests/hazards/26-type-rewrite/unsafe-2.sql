-- So is a number with more digits behind the point, and a text that may be shorter only.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN amount TYPE numeric(12,4), ALTER COLUMN coupon TYPE varchar(10);
COMMIT;
