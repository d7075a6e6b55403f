-- All of the table waits behind it.
-- end: other

BEGIN;
ALTER TABLE shop.readings DETACH PARTITION shop.readings_2025;
COMMIT;
