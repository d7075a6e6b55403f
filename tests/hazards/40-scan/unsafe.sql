-- The default partition is read, under a lock on all of the table, for rows that would belong here.

BEGIN;
CREATE TABLE shop.events_2027 PARTITION OF shop.events FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00');
COMMIT;
