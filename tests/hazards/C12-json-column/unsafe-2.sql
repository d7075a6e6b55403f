-- Nor of those of a column that comes with its table.
-- end: other

BEGIN;
CREATE TABLE shop.drafts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body json NOT NULL);
COMMIT;
