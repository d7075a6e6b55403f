-- Another schema is another name, also for the sequence of the table's identity.

BEGIN;
CREATE SCHEMA archive;
ALTER TABLE shop.customers SET SCHEMA archive;
COMMIT;
