-- Of a partitioned table, older servers refuse NOT VALID: each partition has one of its own instead.
-- servers: 15 16
-- fires: statement-fails

BEGIN;
-- fails: 42809
ALTER TABLE shop.events ADD CONSTRAINT events_id_fkey FOREIGN KEY (id) REFERENCES shop.orders (id) NOT VALID;
COMMIT;
