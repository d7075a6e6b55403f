-- The same for a partitioned table.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events ADD COLUMN source text;
COMMIT;
