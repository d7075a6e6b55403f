-- Behind 2,147,483,647 there is no number, and every INSERT fails.
-- end: other

BEGIN;
CREATE TABLE shop.parcels (id serial PRIMARY KEY, label text NOT NULL);
ALTER SEQUENCE shop.parcels_id_seq RESTART WITH 2147483647;
INSERT INTO shop.parcels (label) VALUES ('the last');
-- fails: 2200H
INSERT INTO shop.parcels (label) VALUES ('one more');
COMMIT;
