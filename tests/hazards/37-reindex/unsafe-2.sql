-- All indexes of a table, one after the other.

BEGIN;
REINDEX TABLE shop.visits;
COMMIT;
