-- No query names a constraint; its index is renamed with it.
-- fires: no

BEGIN;
ALTER TABLE shop.orders RENAME CONSTRAINT orders_number_key TO orders_number_once;
COMMIT;
