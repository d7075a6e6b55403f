CREATE TABLE shop.readings (meter integer NOT NULL, read_on date NOT NULL, value numeric) PARTITION BY RANGE (read_on);
CREATE TABLE shop.readings_2025 PARTITION OF shop.readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.readings_2026 PARTITION OF shop.readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO shop.readings SELECT n, date '2025-06-01' + n % 500, n FROM generate_series(1, 3000) AS n;
