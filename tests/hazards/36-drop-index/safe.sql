-- Dropped while others read and write.

DROP INDEX CONCURRENTLY shop.orders_placed_at_idx;
