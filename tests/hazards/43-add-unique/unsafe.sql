-- Every partition's index is built in one transaction, and nobody may use the table until the last is done.

BEGIN;
ALTER TABLE shop.events ADD CONSTRAINT events_pkey PRIMARY KEY (id, happened_at);
COMMIT;
