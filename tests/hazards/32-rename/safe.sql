-- Both columns are there until all code uses the new one: a trigger keeps it, old rows are filled in batches.
-- end: other

BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.orders ADD COLUMN remark text;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
CREATE FUNCTION shop.keep_remark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.remark := NEW.note;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_remark BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.keep_remark();
COMMIT;
UPDATE shop.orders SET remark = note WHERE remark IS NULL AND id BETWEEN 1 AND 10000;
UPDATE shop.orders SET remark = note WHERE remark IS NULL AND id BETWEEN 10001 AND 20000;
