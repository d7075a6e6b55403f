-- Each partition's index is built while others work, and becomes its key; the parent's takes those over. Since 18 a
-- partition's NOT NULL is then its own, too.
-- end: other on 18

CREATE UNIQUE INDEX CONCURRENTLY events_2025_pkey ON shop.events_2025 (id, happened_at);
CREATE UNIQUE INDEX CONCURRENTLY events_2026_pkey ON shop.events_2026 (id, happened_at);
CREATE UNIQUE INDEX CONCURRENTLY events_other_pkey ON shop.events_other (id, happened_at);
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events_2025 ADD CONSTRAINT events_2025_pkey PRIMARY KEY USING INDEX events_2025_pkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events_2026 ADD CONSTRAINT events_2026_pkey PRIMARY KEY USING INDEX events_2026_pkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events_other ADD CONSTRAINT events_other_pkey PRIMARY KEY USING INDEX events_other_pkey;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE shop.events ADD CONSTRAINT events_pkey PRIMARY KEY (id, happened_at);
COMMIT;
