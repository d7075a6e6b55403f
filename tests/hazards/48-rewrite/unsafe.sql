-- The table and its indexes are written anew, and nobody may read it meanwhile.

VACUUM FULL shop.visits;
