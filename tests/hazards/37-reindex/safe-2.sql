-- All of a table.

REINDEX TABLE CONCURRENTLY shop.visits;
