-- Of a table that nobody knows yet nobody waits for the index.
-- fires: no

BEGIN;
CREATE TABLE shop.refunds (id bigint PRIMARY KEY, reason text);
CREATE INDEX refunds_reason_idx ON shop.refunds (reason);
COMMIT;
