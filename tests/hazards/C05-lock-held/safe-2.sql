-- One row, found by its key, is read at once.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD COLUMN note text;
SELECT placed_at FROM shop.orders WHERE id = 1;
COMMIT;
