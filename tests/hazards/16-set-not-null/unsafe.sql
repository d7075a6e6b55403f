-- The named form reads every row under the strongest lock, just as the other.
-- servers: 18

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_not_null NOT NULL note;
COMMIT;
