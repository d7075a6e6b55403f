-- Added for new rows, then proved for the old ones while others read and write.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_referrer_id_fkey FOREIGN KEY (referrer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_referrer_id_fkey;
COMMIT;
