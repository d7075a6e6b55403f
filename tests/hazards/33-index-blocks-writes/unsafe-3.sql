-- So does one for a few rows only: all of them are read.

BEGIN;
CREATE INDEX orders_unsent_idx ON shop.orders (lower(note)) WHERE sent_on IS NULL AND amount > 299;
COMMIT;
