-- It is computed for every row: the table and its indexes are written anew.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN total numeric GENERATED ALWAYS AS (quantity * amount) STORED;
COMMIT;
