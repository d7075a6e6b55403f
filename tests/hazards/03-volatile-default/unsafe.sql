-- Each row gets a value of its own: the table and its indexes are written anew.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN token uuid DEFAULT gen_random_uuid() NOT NULL;
COMMIT;
