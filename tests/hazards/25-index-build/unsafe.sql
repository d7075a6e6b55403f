-- Its index is built under the strongest lock; it can neither be built before nor be NOT VALID.
-- end: other

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_number_once EXCLUDE USING btree (number WITH =);
COMMIT;
