ALTER TABLE shop.orders ADD COLUMN total numeric GENERATED ALWAYS AS (quantity * amount) STORED;
