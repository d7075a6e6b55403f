-- Nothing is read or written, but the table that the column refers to is locked as well.

BEGIN;
ALTER TABLE shop.visits ALTER COLUMN source TYPE varchar(20);
COMMIT;
