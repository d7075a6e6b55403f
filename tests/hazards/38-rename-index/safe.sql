-- Renamed as an index, it stays in use: only other changes of it wait.

BEGIN;
ALTER INDEX shop.orders_placed_at_idx RENAME TO orders_by_time;
COMMIT;
