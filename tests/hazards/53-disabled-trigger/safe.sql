-- Left out for this one session, and for everybody else they go on.

BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE shop.orders SET note = 'sent' WHERE id = 1;
COMMIT;
