-- Its readers wait until the query has ended.

BEGIN;
REFRESH MATERIALIZED VIEW shop.product_sales;
COMMIT;
