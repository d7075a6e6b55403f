CREATE INDEX orders_referrer_id_idx ON shop.orders (referrer_id);
