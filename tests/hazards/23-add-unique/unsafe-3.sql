-- Of a column that may be null, every row is read once more.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY (ticket);
COMMIT;
