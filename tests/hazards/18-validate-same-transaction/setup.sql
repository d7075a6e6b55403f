CREATE INDEX visits_customer_id_idx ON shop.visits (customer_id);
