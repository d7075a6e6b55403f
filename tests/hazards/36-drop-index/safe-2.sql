-- One after the other.

DROP INDEX CONCURRENTLY IF EXISTS shop.orders_placed_at_idx;
DROP INDEX CONCURRENTLY IF EXISTS shop.visits_page_idx;
