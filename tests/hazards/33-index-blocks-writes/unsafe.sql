-- Nobody may write to the table until the index is built.

BEGIN;
CREATE INDEX orders_note_idx ON shop.orders (note);
COMMIT;
