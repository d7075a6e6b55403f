-- A constant is the same for everybody, and meant so.
-- fires: no

BEGIN;
ALTER TABLE shop.orders ADD COLUMN origin shop.order_status DEFAULT 'new' NOT NULL;
COMMIT;
