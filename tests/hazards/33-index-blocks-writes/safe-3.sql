-- And one for a few rows.

CREATE INDEX CONCURRENTLY orders_unsent_idx ON shop.orders (lower(note)) WHERE sent_on IS NULL AND amount > 299;
