-- Another owner is no other name, but indexes and sequences are locked as well.
-- fires: no

BEGIN;
ALTER TABLE shop.orders OWNER TO pg_database_owner;
COMMIT;
