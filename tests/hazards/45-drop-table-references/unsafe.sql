-- The table that it refers to is locked as well: nobody reads orders until the end.

BEGIN;
DROP TABLE shop.invoices;
COMMIT;
