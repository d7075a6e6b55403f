-- Only what is new is checked; validating it would stop the writers just as well.

BEGIN;
ALTER DOMAIN shop.email ADD CONSTRAINT email_short CHECK (length(VALUE) < 255) NOT VALID;
COMMIT;
