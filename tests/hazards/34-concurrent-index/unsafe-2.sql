-- It cannot be built in a transaction.
-- fires: statement-fails

BEGIN;
-- fails: 25001
CREATE INDEX CONCURRENTLY orders_sent_on_idx ON shop.orders (sent_on);
COMMIT;
