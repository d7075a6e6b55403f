-- What reads comes first, and what locks has a transaction of its own.

BEGIN;
SELECT count(*) FROM shop.orders;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD COLUMN note text;
COMMIT;
