-- Validated first, it proves it, also as a part of a condition.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_filled CHECK (note IS NOT NULL AND note <> '') NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_filled;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
COMMIT;
