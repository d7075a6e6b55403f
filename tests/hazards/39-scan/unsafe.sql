-- The new partition is read, and so is the default one, which might hold its rows.

BEGIN;
ALTER TABLE shop.events ATTACH PARTITION shop.events_2027 FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00');
COMMIT;
