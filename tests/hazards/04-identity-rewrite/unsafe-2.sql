-- The older spelling does the same.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN position bigserial;
COMMIT;
