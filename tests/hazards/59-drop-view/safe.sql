-- A view may get columns more, behind those that it has.

BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE OR REPLACE VIEW shop.unsent_orders AS SELECT o.id, o.placed_at, c.name, o.number FROM shop.orders AS o JOIN shop.customers AS c ON c.id = o.customer_id WHERE o.sent_on IS NULL;
COMMIT;
