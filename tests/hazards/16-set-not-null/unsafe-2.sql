-- The usual form ends in a constraint of the same name.
-- servers: 18

BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
COMMIT;
