-- A NOT NULL of its own.
-- servers: 18

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_not_null NOT NULL note NOT VALID;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_not_null;
COMMIT;
