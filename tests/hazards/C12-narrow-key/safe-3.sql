-- A bigint goes on.
-- end: other

BEGIN;
CREATE TABLE shop.parcels (id bigserial PRIMARY KEY, label text NOT NULL);
ALTER SEQUENCE shop.parcels_id_seq RESTART WITH 2147483647;
INSERT INTO shop.parcels (label) VALUES ('the last');
INSERT INTO shop.parcels (label) VALUES ('one more');
COMMIT;
