-- Written anew under the strongest lock, and empty after a crash.
-- end: other

BEGIN;
ALTER TABLE shop.visits SET UNLOGGED;
COMMIT;
