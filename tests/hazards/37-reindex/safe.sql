-- A second index is built beside all others, and takes its place.

REINDEX INDEX CONCURRENTLY shop.orders_placed_at_idx;
