-- The clock differs from row to row.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN touched_at timestamptz DEFAULT clock_timestamp();
COMMIT;
