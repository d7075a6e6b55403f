-- The index is there, but the column may be null: every row is read under the strongest lock.

BEGIN;
ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_ticket_idx;
COMMIT;
