-- Quick, but it waits for every open reader of the table, and all later ones wait behind it.

BEGIN;
DROP INDEX shop.orders_placed_at_idx;
COMMIT;
