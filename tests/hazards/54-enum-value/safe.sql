-- Committed first, used afterwards.
-- end: other

BEGIN;
ALTER TYPE shop.order_status ADD VALUE 'returned';
COMMIT;
BEGIN;
UPDATE shop.orders SET status = 'returned' WHERE id BETWEEN 1 AND 100;
COMMIT;
