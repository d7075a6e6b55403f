-- The index is built while others work; becoming the constraint takes a moment.

CREATE UNIQUE INDEX CONCURRENTLY visits_number_key ON shop.visits (number);
BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_number_key UNIQUE USING INDEX visits_number_key;
COMMIT;
