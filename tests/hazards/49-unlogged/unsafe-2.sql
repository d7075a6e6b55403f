-- Back again: all of it is written to the log, too.

ALTER TABLE shop.visits SET UNLOGGED;
BEGIN;
ALTER TABLE shop.visits SET LOGGED;
COMMIT;
