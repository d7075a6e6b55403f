-- Refused as soon as there is one row; where there is none, the INSERTs of the code that runs now fail from then on.

BEGIN;
-- fails: 23502 on rows
ALTER TABLE shop.orders ADD COLUMN channel text NOT NULL;
COMMIT;
