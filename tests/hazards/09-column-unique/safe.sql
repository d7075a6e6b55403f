-- The column, a unique index built while others work, which then becomes the constraint.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN external_id text;
COMMIT;
CREATE UNIQUE INDEX CONCURRENTLY orders_external_id_key ON shop.orders (external_id);
BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_external_id_key UNIQUE USING INDEX orders_external_id_key;
COMMIT;
