-- DISTINCT, GROUP BY and UNION over the column are refused.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN details json;
-- fails: 42883
SELECT DISTINCT details FROM shop.orders;
COMMIT;
