CREATE TABLE shop.events_2027 (LIKE shop.events);
INSERT INTO shop.events_2027 SELECT n, 'click', timestamptz '2027-02-01 00:00+00' FROM generate_series(20001, 22000) AS n;
