-- Readers go on; that takes a unique index.

BEGIN;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.product_sales;
COMMIT;
