-- Nobody may use the table until the rows of another one are counted.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD COLUMN note text;
SELECT count(*) FROM shop.orders;
COMMIT;
