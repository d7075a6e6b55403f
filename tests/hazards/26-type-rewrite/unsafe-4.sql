-- A time gets its zone from the session: only under UTC nothing is written anew.

BEGIN;
SET LOCAL TIME ZONE 'Europe/Vienna';
ALTER TABLE shop.visits ALTER COLUMN seen_at TYPE timestamptz;
COMMIT;
