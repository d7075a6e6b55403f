-- In the order of an index, which is remembered.

BEGIN;
CLUSTER shop.visits USING visits_page_idx;
COMMIT;
