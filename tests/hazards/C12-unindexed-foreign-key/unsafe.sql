-- A foreign key makes no index: whoever deletes one customer reads all visits for it.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey;
COMMIT;
INSERT INTO shop.customers (name, email, country) VALUES ('Nobody', 'nobody@example.org', 'AT');
DELETE FROM shop.customers WHERE email = 'nobody@example.org';
