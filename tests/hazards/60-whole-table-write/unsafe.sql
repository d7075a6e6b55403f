-- Every row is written, and locked for other writers until the end; as many dead rows stay.

BEGIN;
UPDATE shop.orders SET note = upper(note);
COMMIT;
