-- IF NOT EXISTS takes what a failed build has left for an index: nothing is built, and nothing can be used.

CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note_idx ON shop.orders (note);
