-- So does a type that compares otherwise.
-- needs: citext

BEGIN;
ALTER TABLE shop.visits ALTER COLUMN page TYPE public.citext;
COMMIT;
