-- One index on each partition, all in one transaction: writes to all of them wait for the last.

BEGIN;
CREATE INDEX events_kind_idx ON shop.events (kind);
COMMIT;
