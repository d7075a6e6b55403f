-- Built there while others work, it takes the old one's place.

REINDEX (TABLESPACE shelf) INDEX CONCURRENTLY shop.orders_placed_at_idx;
