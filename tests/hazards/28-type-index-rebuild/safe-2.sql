-- The same for a type that compares otherwise.
-- needs: citext

DROP INDEX CONCURRENTLY shop.visits_page_idx;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ALTER COLUMN page TYPE public.citext;
COMMIT;
CREATE INDEX CONCURRENTLY visits_page_idx ON shop.visits (page);
