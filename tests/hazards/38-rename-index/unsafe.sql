-- Renamed as if it were a table, an index is locked as strongly as one: every query that plans with its table waits.

BEGIN;
ALTER TABLE shop.orders_placed_at_idx RENAME TO orders_by_time;
COMMIT;
