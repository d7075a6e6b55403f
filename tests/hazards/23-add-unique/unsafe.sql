-- Nobody may use the table until the index is built.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_number_key UNIQUE (number);
COMMIT;
