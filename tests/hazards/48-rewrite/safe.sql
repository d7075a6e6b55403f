-- What is dead makes room for new rows, while others read and write.

VACUUM shop.visits;
