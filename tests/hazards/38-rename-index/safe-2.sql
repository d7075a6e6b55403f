-- The fill factor is a moment; what it is for is built while others work.

BEGIN;
ALTER INDEX shop.orders_placed_at_idx SET (fillfactor = 70);
COMMIT;
REINDEX INDEX CONCURRENTLY shop.orders_placed_at_idx;
