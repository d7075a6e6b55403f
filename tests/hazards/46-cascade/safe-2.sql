-- The view goes by its name, then the column that nothing uses any more.

BEGIN;
SET LOCAL lock_timeout = '2s';
DROP VIEW shop.unsent_orders;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders DROP COLUMN sent_on;
COMMIT;
