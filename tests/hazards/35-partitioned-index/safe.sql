-- An empty shell on the parent, each partition's index built concurrently, and attached.

BEGIN;
CREATE INDEX events_kind_idx ON ONLY shop.events (kind);
COMMIT;
CREATE INDEX CONCURRENTLY events_2025_kind_idx ON shop.events_2025 (kind);
CREATE INDEX CONCURRENTLY events_2026_kind_idx ON shop.events_2026 (kind);
CREATE INDEX CONCURRENTLY events_other_kind_idx ON shop.events_other (kind);
BEGIN;
ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_2025_kind_idx;
COMMIT;
BEGIN;
ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_2026_kind_idx;
COMMIT;
BEGIN;
ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_other_kind_idx;
COMMIT;
