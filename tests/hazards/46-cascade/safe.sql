-- What depends on it is listed first, and dropped by name.

BEGIN;
SET LOCAL lock_timeout = '2s';
DROP MATERIALIZED VIEW shop.product_sales;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.orders, shop.order_lines IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.order_lines DROP CONSTRAINT order_lines_order_id_fkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE shop.products, shop.order_lines IN ACCESS EXCLUSIVE MODE;
ALTER TABLE shop.order_lines DROP CONSTRAINT order_lines_product_id_fkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
DROP TABLE shop.order_lines;
COMMIT;
