-- A CHECK that is not validated proves nothing: every row is read under the strongest lock.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_filled CHECK (note IS NOT NULL AND note <> '') NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_filled;
COMMIT;
