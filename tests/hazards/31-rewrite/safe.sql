-- A column that is computed when it is read takes its place.
-- servers: 18

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders DROP COLUMN total;
ALTER TABLE shop.orders ADD COLUMN total numeric GENERATED ALWAYS AS (quantity * amount + 1) VIRTUAL;
COMMIT;
