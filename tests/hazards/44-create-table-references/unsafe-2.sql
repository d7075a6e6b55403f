-- So they do until the index of another table is built.

BEGIN;
CREATE TABLE shop.remarks (
    customer_id bigint NOT NULL CONSTRAINT remarks_customer_id_fkey REFERENCES shop.customers (id),
    remark text NOT NULL
);
CREATE INDEX visits_seen_at_idx ON shop.visits (seen_at);
COMMIT;
