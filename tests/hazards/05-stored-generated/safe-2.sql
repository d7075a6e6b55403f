-- A virtual column is computed when it is read.
-- servers: 18
-- end: other

BEGIN;
ALTER TABLE shop.orders ADD COLUMN total numeric GENERATED ALWAYS AS (quantity * amount) VIRTUAL;
COMMIT;
