-- Several at once lock all their tables until the end.

BEGIN;
DROP INDEX IF EXISTS shop.orders_placed_at_idx, shop.visits_page_idx;
COMMIT;
