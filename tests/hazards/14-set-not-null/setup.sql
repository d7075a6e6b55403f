ALTER TABLE shop.events ADD COLUMN source text DEFAULT 'web';
