-- Code that still uses the old name of the column fails at once.

BEGIN;
ALTER TABLE shop.orders RENAME COLUMN note TO remark;
COMMIT;
