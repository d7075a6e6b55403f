-- A unique one, too.

CREATE UNIQUE INDEX CONCURRENTLY visits_number_idx ON shop.visits (number);
