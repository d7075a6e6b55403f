-- A materialized view and two foreign keys go as well, and with them orders and products are locked.

BEGIN;
DROP TABLE shop.order_lines CASCADE;
COMMIT;
