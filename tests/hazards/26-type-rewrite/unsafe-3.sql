-- An expression is computed for every row.

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note TYPE jsonb USING to_jsonb(note);
COMMIT;
