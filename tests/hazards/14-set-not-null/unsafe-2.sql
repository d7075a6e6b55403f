-- A column of a partitioned table: every partition is locked and read.

BEGIN;
ALTER TABLE shop.events ALTER COLUMN source SET NOT NULL;
COMMIT;
