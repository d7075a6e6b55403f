-- What a build that failed has left.
CREATE INDEX orders_note_idx ON shop.orders (note);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.orders_note_idx'::regclass;
