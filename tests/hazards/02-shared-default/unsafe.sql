-- Nothing is written anew, but all old rows seem to have been imported at one moment.

BEGIN;
ALTER TABLE shop.orders ADD COLUMN imported_at timestamptz DEFAULT now();
COMMIT;
