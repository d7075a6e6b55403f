-- Every table with a column of the domain is read, and nobody writes to it meanwhile.
-- end: other

BEGIN;
ALTER DOMAIN shop.email ADD CONSTRAINT email_short CHECK (length(VALUE) < 255);
COMMIT;
