-- A transaction of its own, committed at once.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER SEQUENCE shop.invoice_numbers INCREMENT BY 10;
COMMIT;
CREATE INDEX CONCURRENTLY visits_seen_at_idx ON shop.visits (seen_at);
