-- A table that is written to a file is read whole.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD COLUMN note text;
COPY shop.orders TO '/dev/null';
COMMIT;
