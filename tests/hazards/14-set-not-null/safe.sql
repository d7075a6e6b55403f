-- A validated CHECK proves it: the rows are read while others read and write.

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_there CHECK (note IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_there;
COMMIT;
BEGIN;
ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE shop.orders DROP CONSTRAINT orders_note_there;
COMMIT;
