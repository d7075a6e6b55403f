-- So is a table, while nobody may use it.
-- end: other

BEGIN;
ALTER TABLE shop.visits SET TABLESPACE shelf;
COMMIT;
