-- The same for an identity column; the rows are written in batches.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER SEQUENCE shop.orders_id_seq CACHE 20;
COMMIT;
UPDATE shop.orders SET note = note || '.' WHERE status = 'closed' AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET note = note || '.' WHERE status = 'closed' AND id BETWEEN 10001 AND 20000;
