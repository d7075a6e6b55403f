-- The referring column has no index.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id);
COMMIT;
