-- Both tables are read while nobody may write to either.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_referrer_id_fkey FOREIGN KEY (referrer_id) REFERENCES shop.customers (id);
COMMIT;
