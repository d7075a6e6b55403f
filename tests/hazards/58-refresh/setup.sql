CREATE UNIQUE INDEX product_sales_product_id_idx ON shop.product_sales (product_id);
