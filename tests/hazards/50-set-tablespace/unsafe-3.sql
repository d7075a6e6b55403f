-- Another access method writes every row anew.
-- fires: rewrite

BEGIN;
ALTER TABLE shop.visits SET ACCESS METHOD shop;
COMMIT;
