-- What can be computed anew is unlogged from its creation on.

BEGIN;
CREATE UNLOGGED TABLE shop.visits_today (number bigint NOT NULL, page varchar(100) NOT NULL);
COMMIT;
