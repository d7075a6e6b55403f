-- The concurrent form is refused on the parent.
-- fires: statement-fails

-- fails: 0A000
CREATE INDEX CONCURRENTLY events_kind_idx ON shop.events (kind);
