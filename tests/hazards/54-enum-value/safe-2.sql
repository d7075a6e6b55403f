-- The default comes in a later transaction.
-- end: other

BEGIN;
ALTER TYPE shop.order_status ADD VALUE IF NOT EXISTS 'draft' BEFORE 'new';
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN status SET DEFAULT 'draft';
COMMIT;
