-- A default changes nothing that readers see.
-- fires: no

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 0;
ALTER TABLE shop.orders ALTER COLUMN currency DROP DEFAULT;
COMMIT;
