-- Three tables, one after the other, in the order in which the text happens to name them.

BEGIN;
ALTER TABLE shop.order_lines DROP CONSTRAINT order_lines_order_id_fkey;
ALTER TABLE shop.invoices DROP CONSTRAINT IF EXISTS invoices_order_id_fkey;
COMMIT;
