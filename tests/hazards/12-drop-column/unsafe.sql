-- The table that its foreign key refers to is locked as well; the index on it goes silently.

BEGIN;
ALTER TABLE shop.orders DROP COLUMN warehouse_id;
COMMIT;
