-- The sequence of an identity column, until all the orders are written.

BEGIN;
ALTER SEQUENCE shop.orders_id_seq CACHE 20;
UPDATE shop.orders SET note = note || '.' WHERE status = 'closed';
COMMIT;
