-- Nobody reads the table meanwhile, and older snapshots see it empty.

BEGIN;
TRUNCATE shop.order_lines;
COMMIT;
