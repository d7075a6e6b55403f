CREATE TABLE shop.sources (code varchar(10) PRIMARY KEY);
ALTER TABLE shop.visits ADD COLUMN source varchar(10) CONSTRAINT visits_source_fkey REFERENCES shop.sources (code);
CREATE INDEX visits_source_idx ON shop.visits (source);
