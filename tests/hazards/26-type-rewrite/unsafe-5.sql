-- Under UTC the same change is a matter of the catalog.
-- fires: no

BEGIN;
SET LOCAL TIME ZONE 'UTC';
ALTER TABLE shop.visits ALTER COLUMN seen_at TYPE timestamptz;
COMMIT;
