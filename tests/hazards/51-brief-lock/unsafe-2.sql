-- Most settings of a table let readers and writers work; this one does not.
-- end: other

BEGIN;
ALTER TABLE shop.orders SET (user_catalog_table = true);
COMMIT;
