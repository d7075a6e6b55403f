-- Code that uses the old name finds an updatable view there, which came in the same transaction.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits RENAME TO page_views;
CREATE VIEW shop.visits AS SELECT * FROM shop.page_views;
COMMIT;
