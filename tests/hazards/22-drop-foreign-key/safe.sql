-- Both tables are locked at once, in one known order, or not at all.

BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.customers, shop.orders IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey;
COMMIT;
