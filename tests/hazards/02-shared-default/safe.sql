-- Only new rows get the time; old ones have none.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN imported_at timestamptz;
ALTER TABLE shop.orders ALTER COLUMN imported_at SET DEFAULT now();
COMMIT;
