-- What comes from now on lies there; what is there already stays where it is.

BEGIN;
CREATE TABLE shop.visits_2027 (LIKE shop.visits) TABLESPACE shelf;
COMMIT;
