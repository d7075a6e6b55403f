ALTER TABLE shop.orders ADD CONSTRAINT orders_coupon_filled CHECK (coupon <> '');
CREATE INDEX orders_no_coupon_idx ON shop.orders (placed_at) WHERE coupon IS NULL;
