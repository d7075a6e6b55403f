-- On a partitioned table every partition is locked and read.

BEGIN;
ALTER TABLE shop.events ADD CONSTRAINT events_kind_known CHECK (kind <> '');
COMMIT;
