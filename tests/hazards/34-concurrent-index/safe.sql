-- What a failed build has left is dropped first, so that the next one really builds.
-- end: other

DROP INDEX CONCURRENTLY IF EXISTS shop.orders_note_idx;
CREATE INDEX CONCURRENTLY orders_note_idx ON shop.orders (note);
