-- From the other side the referring table is locked.

BEGIN;
ALTER TABLE shop.sources ALTER COLUMN code TYPE varchar(20);
COMMIT;
