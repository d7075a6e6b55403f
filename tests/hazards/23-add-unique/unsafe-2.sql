-- A primary key does the same.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY (number);
COMMIT;
