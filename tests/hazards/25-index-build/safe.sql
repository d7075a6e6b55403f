-- What excludes equals is UNIQUE, whose index is built beside all others and then attached.

CREATE UNIQUE INDEX CONCURRENTLY visits_number_once ON shop.visits (number);
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.visits ADD CONSTRAINT visits_number_once UNIQUE USING INDEX visits_number_once;
COMMIT;
