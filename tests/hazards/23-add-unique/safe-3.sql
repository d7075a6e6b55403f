-- That no row is null is proved first, while others read and write.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_ticket_there CHECK (ticket IS NOT NULL) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_ticket_there;
COMMIT;
BEGIN;
ALTER TABLE shop.visits ALTER COLUMN ticket SET NOT NULL;
ALTER TABLE shop.visits DROP CONSTRAINT visits_ticket_there;
COMMIT;
CREATE UNIQUE INDEX CONCURRENTLY visits_pkey ON shop.visits (ticket);
BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_pkey;
COMMIT;
