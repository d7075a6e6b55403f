-- Built anew for the sake of another fill factor, under a lock that stops writes.
-- fires: reindex

BEGIN;
ALTER INDEX shop.orders_placed_at_idx SET (fillfactor = 70);
REINDEX INDEX shop.orders_placed_at_idx;
COMMIT;
