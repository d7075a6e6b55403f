-- By an index that begins with them, whoever deletes a customer finds its visits.
-- end: other

CREATE INDEX CONCURRENTLY visits_customer_id_idx ON shop.visits (customer_id);
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey;
COMMIT;
INSERT INTO shop.customers (name, email, country) VALUES ('Nobody', 'nobody@example.org', 'AT');
DELETE FROM shop.customers WHERE email = 'nobody@example.org';
