-- The type below the domain, and its check on the table, which is validated while others read and write.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN contact text;
ALTER TABLE shop.orders ADD CONSTRAINT orders_contact_email CHECK (contact LIKE '%_@_%') NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_contact_email;
COMMIT;
