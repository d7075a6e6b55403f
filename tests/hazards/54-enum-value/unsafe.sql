-- The new label cannot be used before it is committed.

BEGIN;
ALTER TYPE shop.order_status ADD VALUE 'returned';
-- fails: 55P04
UPDATE shop.orders SET status = 'returned' WHERE id BETWEEN 1 AND 100;
COMMIT;
