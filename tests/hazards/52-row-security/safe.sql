-- The policy first.

BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE POLICY visits_all ON shop.visits USING (true);
ALTER TABLE shop.visits ENABLE ROW LEVEL SECURITY;
COMMIT;
