-- The table that it refers to is locked as well, and nothing limits the wait.

BEGIN;
ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey;
COMMIT;
