-- Code that still reads it fails.
-- end: other

BEGIN;
DROP VIEW shop.unsent_orders;
COMMIT;
