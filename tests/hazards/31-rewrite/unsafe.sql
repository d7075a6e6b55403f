-- Another expression of a stored column is computed for every row, under the strongest lock.
-- servers: 18
-- end: other

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN total SET EXPRESSION AS (quantity * amount + 1);
COMMIT;
