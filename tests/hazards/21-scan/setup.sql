ALTER TABLE shop.visits ADD CONSTRAINT visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT ENFORCED;
