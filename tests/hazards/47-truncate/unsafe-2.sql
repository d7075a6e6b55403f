-- Every table that refers to it is emptied as well.

BEGIN;
TRUNCATE shop.orders CASCADE;
COMMIT;
