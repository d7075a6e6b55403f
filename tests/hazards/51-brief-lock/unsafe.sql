-- In one statement with something that needs the strongest lock, settings need it, too.

BEGIN;
ALTER TABLE shop.orders SET (fillfactor = 80), ALTER COLUMN note SET STATISTICS 500, ALTER COLUMN note SET STORAGE EXTERNAL;
COMMIT;
