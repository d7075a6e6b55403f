-- A partitioned table's index cannot be taken.
-- fires: statement-fails

BEGIN;
-- fails: 0A000
ALTER TABLE shop.events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_once_idx;
COMMIT;
