-- The column of that type goes, with its values and its unique key.

BEGIN;
DROP DOMAIN shop.email CASCADE;
COMMIT;
