-- On a partitioned table it waits for the readers of every partition.

BEGIN;
ALTER TABLE shop.events ADD COLUMN source text;
COMMIT;
