-- What goes into a new table is read from a large one, and the lock is kept for as long.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD COLUMN note text;
CREATE TABLE shop.cities (city text);
INSERT INTO shop.cities SELECT DISTINCT note FROM shop.orders;
COMMIT;
