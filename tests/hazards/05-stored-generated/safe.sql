-- A plain column that a trigger keeps, old rows filled in batches.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN total numeric;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE FUNCTION shop.keep_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.total := NEW.quantity * NEW.amount;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_total BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.keep_total();
COMMIT;
UPDATE shop.orders SET total = quantity * amount WHERE total IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET total = quantity * amount WHERE total IS NULL AND id BETWEEN 10001 AND 20000;
