-- An index on all rows is built, although all of them are null.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN external_id text CONSTRAINT orders_external_id_key UNIQUE;
COMMIT;
