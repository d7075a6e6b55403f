"""Backups of a target: made, verified, kept for a while, and restored under guard.

`shelf.py`      the folder of a target's backups: what is in the making, what is kept, what goes
`making.py`     a backup, and what was found of it
`verifying.py`  a dump restored on scratch and compared with what was dumped
`listing.py`    the backups that there are
`saving.py`     the backup that a change wants before its first revision
`values.py`     what a backup is
`of_a_file.py`  a backup of a file of SQLite's; `into_a_file.py` restores it
`restoring.py`  a backup into a new database, or in the place of one
`given.py`      the settings of a database, which no dump has
`server.py`     the target's own server, as a place where databases are made
`restored.py`   what a restore did, or, as a dry run, would do
"""

from __future__ import annotations

from ops.backup.listing import Backups, backups
from ops.backup.making import backup
from ops.backup.restored import Restoration
from ops.backup.restoring import restore
from ops.backup.saving import before, check_choice
from ops.backup.values import Backup

__all__ = ["Backup", "Backups", "Restoration", "backup", "backups", "before", "check_choice", "restore"]
