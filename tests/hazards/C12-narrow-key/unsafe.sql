-- A serial is an integer: its numbers end, and a wider type then writes the table anew.
-- end: other

BEGIN;
CREATE TABLE shop.parcels (id serial PRIMARY KEY, label text NOT NULL);
COMMIT;
