-- An index is copied block by block, and every query that plans with its table waits until that is done.

BEGIN;
ALTER INDEX shop.orders_placed_at_idx SET TABLESPACE shelf;
COMMIT;
