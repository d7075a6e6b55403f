-- Settings by themselves let readers and writers work; what does not has a short transaction of its own.

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders SET (fillfactor = 80), ALTER COLUMN note SET STATISTICS 500;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTERNAL;
COMMIT;
