"""Everything that is of SQLite, and of no server: a database is a file, and whoever opens it is its server.

`file.py`     our connections to it, where it is, and the rows of a version table
`lock.py`     one run at a time
`catalog.py`  what its schema contains
`copies.py`   copies of it, and empty files, to try things on
`contents.py` what its tables hold
"""
