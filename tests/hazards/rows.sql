-- What lies in the shop: enough that a whole read of a table shows, little enough to be copied for each case.

INSERT INTO shop.customers (name, email, country, joined_at)
SELECT 'Customer ' || n, 'customer' || n || '@example.org', (ARRAY['AT', 'DE', 'FR', 'IT'])[1 + n % 4],
       timestamptz '2025-01-01 00:00+00' + n * interval '1 hour'
FROM generate_series(1, 2000) AS n;

INSERT INTO shop.products (sku, title, price)
SELECT 'SKU-' || n, 'Product ' || n, n % 100 + 0.99 FROM generate_series(1, 500) AS n;

INSERT INTO shop.warehouses SELECT n, 'Warehouse ' || n FROM generate_series(1, 20) AS n;

INSERT INTO shop.orders (number, customer_id, warehouse_id, referrer_id, status, quantity, amount, coupon, note, placed_at)
SELECT 'N-' || n, 1 + n % 2000, 1 + n % 20, 1 + n * 7 % 2000,
       (ARRAY['new', 'paid', 'sent', 'closed'])[1 + n % 4]::shop.order_status, 1 + n % 5, n % 300 + 0.50,
       'C' || n % 50, 'Note ' || n, timestamptz '2026-01-01 00:00+00' + n * interval '5 minutes'
FROM generate_series(1, 20000) AS n;

INSERT INTO shop.order_lines SELECT n, 1, 1 + n % 500, 1 + n % 3, n % 100 FROM generate_series(1, 10000) AS n;

INSERT INTO shop.invoices (order_id, issued_on) SELECT n, date '2026-02-01' FROM generate_series(1, 2000) AS n;

INSERT INTO shop.visits
SELECT n, n, 1 + n % 2000, '/product/' || n % 500, timestamp '2026-01-01 00:00' + n * interval '1 minute'
FROM generate_series(1, 10000) AS n;

INSERT INTO shop.events
SELECT n, 'click', timestamptz '2025-07-01 00:00+00' + n % 300 * interval '1 day' FROM generate_series(1, 6000) AS n;
INSERT INTO shop.events SELECT n, 'old', timestamptz '2020-01-01 00:00+00' FROM generate_series(6001, 6200) AS n;

REFRESH MATERIALIZED VIEW shop.product_sales;

ANALYZE;

-- A vacuum at an hour of its own choice would make other plans cheaper.
ALTER TABLE shop.customers SET (autovacuum_enabled = off);
ALTER TABLE shop.products SET (autovacuum_enabled = off);
ALTER TABLE shop.warehouses SET (autovacuum_enabled = off);
ALTER TABLE shop.orders SET (autovacuum_enabled = off);
ALTER TABLE shop.order_lines SET (autovacuum_enabled = off);
ALTER TABLE shop.invoices SET (autovacuum_enabled = off);
ALTER TABLE shop.visits SET (autovacuum_enabled = off);
ALTER TABLE shop.events_2025 SET (autovacuum_enabled = off);
ALTER TABLE shop.events_2026 SET (autovacuum_enabled = off);
ALTER TABLE shop.events_other SET (autovacuum_enabled = off);
