-- Two transactions for a foreign key.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey;
COMMIT;
