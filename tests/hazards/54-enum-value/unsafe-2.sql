-- Nor as a default.

BEGIN;
ALTER TYPE shop.order_status ADD VALUE IF NOT EXISTS 'draft' BEFORE 'new';
-- fails: 55P04
ALTER TABLE shop.orders ALTER COLUMN status SET DEFAULT 'draft';
COMMIT;
