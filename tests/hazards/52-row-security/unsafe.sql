-- Without a policy nobody but the owner sees a row, and no error says so.
-- end: other

BEGIN;
ALTER TABLE shop.visits ENABLE ROW LEVEL SECURITY;
COMMIT;
