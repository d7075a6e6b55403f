-- Every row is deleted one by one.

BEGIN;
DELETE FROM shop.order_lines;
COMMIT;
