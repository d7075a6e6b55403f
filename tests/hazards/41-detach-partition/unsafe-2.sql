-- Beside a default partition the concurrent form is refused.
-- fires: statement-fails

-- fails: 55000
ALTER TABLE shop.events DETACH PARTITION shop.events_2025 CONCURRENTLY;
