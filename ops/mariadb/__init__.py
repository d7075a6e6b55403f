"""Everything that is of MariaDB: a server, whose DDL commits by itself.

`server.py`     our connections to it, where they are, and the rows of a version table
`lock.py`       one run at a time
`catalog.py`    what a database's schema contains
`queries.py`    the questions that tell it
`copies.py`     databases to try things on, on the server that the target names for that
`tls.py`        what our connections need for TLS
`unanswered.py` what is said where it cannot be reached, or does not answer
`statements.py` what a statement is: whether it commits, and whether it writes rows
"""
