-- A new column beside the old one, kept by a trigger and filled in batches; the code moves to it, and the old one goes later.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN pieces bigint;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE FUNCTION shop.keep_pieces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pieces := NEW.quantity;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_pieces BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.keep_pieces();
COMMIT;
UPDATE shop.orders SET pieces = quantity WHERE pieces IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET pieces = quantity WHERE pieces IS NULL AND id BETWEEN 10001 AND 20000;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD CONSTRAINT orders_pieces_positive CHECK (pieces IS NOT NULL AND pieces > 0) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_pieces_positive;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ALTER COLUMN pieces SET NOT NULL;
COMMIT;
