-- The table first, without a reference; the key later, in a short transaction of its own.

BEGIN;
CREATE TABLE shop.remarks (
    customer_id bigint NOT NULL,
    remark text NOT NULL
);
COMMIT;
CREATE INDEX CONCURRENTLY visits_seen_at_idx ON shop.visits (seen_at);
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.remarks ADD CONSTRAINT remarks_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.remarks VALIDATE CONSTRAINT remarks_customer_id_fkey;
COMMIT;
