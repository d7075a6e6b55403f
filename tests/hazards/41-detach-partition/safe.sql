-- Others read and write meanwhile; a check of its bounds is left on the partition.

ALTER TABLE shop.readings DETACH PARTITION shop.readings_2025 CONCURRENTLY;
