-- The referring column gets its index first: there is one index more in the end.
-- end: other

CREATE INDEX CONCURRENTLY visits_customer_id_idx ON shop.visits (customer_id);
BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey;
COMMIT;
