-- So do remarks, statistics of several columns, the order of a later CLUSTER, and publishing it.

BEGIN;
ALTER TABLE shop.orders SET (autovacuum_vacuum_scale_factor = 0.02, parallel_workers = 4);
ALTER TABLE shop.orders ALTER COLUMN coupon SET (n_distinct = 50);
ALTER TABLE shop.orders CLUSTER ON orders_placed_at_idx;
COMMENT ON TABLE shop.orders IS 'What customers have ordered';
CREATE STATISTICS shop.orders_by_status (dependencies) ON status, coupon FROM shop.orders;
ALTER PUBLICATION shop ADD TABLE shop.orders;
COMMIT;
