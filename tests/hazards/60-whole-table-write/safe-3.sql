-- Deleted in batches by key.

DELETE FROM shop.order_lines WHERE order_id BETWEEN 1 AND 2500;
DELETE FROM shop.order_lines WHERE order_id BETWEEN 2501 AND 5000;
DELETE FROM shop.order_lines WHERE order_id BETWEEN 5001 AND 7500;
DELETE FROM shop.order_lines WHERE order_id BETWEEN 7501 AND 10000;
