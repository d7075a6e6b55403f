-- A unique one does the same.

BEGIN;
CREATE UNIQUE INDEX visits_number_idx ON shop.visits (number);
COMMIT;
