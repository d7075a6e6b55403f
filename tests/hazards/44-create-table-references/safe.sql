-- A short transaction of its own; then the table is filled in batches.

BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE TABLE shop.returns (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL CONSTRAINT returns_order_id_fkey REFERENCES shop.orders (id),
    reason text
);
COMMIT;
INSERT INTO shop.returns SELECT id, id, 'damaged' FROM shop.orders WHERE status = 'closed' AND id BETWEEN 1 AND 10000;
INSERT INTO shop.returns SELECT id, id, 'damaged' FROM shop.orders WHERE status = 'closed' AND id BETWEEN 10001 AND 20000;
