-- Added for new rows, then proved for the old ones while others read and write.
-- servers: 18

BEGIN;
ALTER TABLE shop.orders ADD CONSTRAINT orders_note_not_null NOT NULL note NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_not_null;
COMMIT;
