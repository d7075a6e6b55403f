-- The key goes first, both tables locked at once or not at all; it comes back for new rows, and is proved later.

BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.sources, shop.visits IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.visits DROP CONSTRAINT visits_source_fkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ALTER COLUMN source TYPE varchar(20);
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD CONSTRAINT visits_source_fkey FOREIGN KEY (source) REFERENCES shop.sources (code) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_source_fkey;
COMMIT;
