-- The key goes first, both tables locked at once or not at all; what is dropped then concerns nobody else.

BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.orders, shop.invoices IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.invoices DROP CONSTRAINT invoices_order_id_fkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
DROP TABLE shop.invoices;
COMMIT;
