-- Code that sends or compares the old label fails at once.
-- end: other

BEGIN;
ALTER TYPE shop.order_status RENAME VALUE 'sent' TO 'shipped';
COMMIT;
