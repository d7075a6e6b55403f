-- Inserts wait for their number until the index is built.

BEGIN;
ALTER SEQUENCE shop.invoice_numbers INCREMENT BY 10;
CREATE INDEX visits_seen_at_idx ON shop.visits (seen_at);
COMMIT;
