-- A check proves that it holds none; the new table is made beside the old ones, and attached.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events_other ADD CONSTRAINT events_other_fits CHECK (happened_at < '2027-01-01 00:00+00' OR happened_at >= '2028-01-01 00:00+00') NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.events_other VALIDATE CONSTRAINT events_other_fits;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE TABLE shop.events_2027 (LIKE shop.events);
ALTER TABLE shop.events ATTACH PARTITION shop.events_2027 FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00');
ALTER TABLE shop.events_other DROP CONSTRAINT events_other_fits;
COMMIT;
