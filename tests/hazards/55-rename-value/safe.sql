-- A label more; the rows move on when the code knows both.

ALTER TYPE shop.order_status ADD VALUE 'shipped';
