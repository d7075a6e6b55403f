-- A column that a view reads keeps its type.
-- fires: statement-fails

BEGIN;
-- fails: 0A000
ALTER TABLE shop.orders ALTER COLUMN sent_on TYPE timestamptz;
COMMIT;
