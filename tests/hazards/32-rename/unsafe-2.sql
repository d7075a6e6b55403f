-- Or of the table.

BEGIN;
ALTER TABLE shop.visits RENAME TO page_views;
COMMIT;
