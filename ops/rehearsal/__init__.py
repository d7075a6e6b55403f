"""A change run up, down and up again on a copy of its target, which is only read.

`copy.py`     the copy, with as many rows as one wants there
`smoke.py`    the user's own test, run against the copy
`traffic.py`  what an application does meanwhile, in a session beside the migration's
"""
