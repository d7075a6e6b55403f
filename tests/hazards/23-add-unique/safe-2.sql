-- The same for a primary key over a column that is NOT NULL already.

CREATE UNIQUE INDEX CONCURRENTLY visits_pkey ON shop.visits (number);
BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_pkey;
COMMIT;
