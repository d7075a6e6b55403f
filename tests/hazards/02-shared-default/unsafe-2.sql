-- One date, which is that of the migration.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN checked_on date DEFAULT current_date NOT NULL;
COMMIT;
