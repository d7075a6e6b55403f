-- Enforced again, a foreign key is proved at once: both tables are read while nobody writes to them.
-- servers: 18

BEGIN;
ALTER TABLE shop.visits ALTER CONSTRAINT visits_customer_id_fkey ENFORCED;
COMMIT;
