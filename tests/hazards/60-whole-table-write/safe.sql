-- In batches by key, each committed at once.

UPDATE shop.orders SET note = upper(note) WHERE id BETWEEN 1 AND 5000;
UPDATE shop.orders SET note = upper(note) WHERE id BETWEEN 5001 AND 10000;
UPDATE shop.orders SET note = upper(note) WHERE id BETWEEN 10001 AND 15000;
UPDATE shop.orders SET note = upper(note) WHERE id BETWEEN 15001 AND 20000;
