-- Writers wait until it is built, and readers whose plan could use it.

BEGIN;
REINDEX INDEX shop.orders_placed_at_idx;
COMMIT;
