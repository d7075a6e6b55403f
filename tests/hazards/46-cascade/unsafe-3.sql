-- The foreign keys of other tables go with the key that they refer to.

BEGIN;
ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey CASCADE;
COMMIT;
