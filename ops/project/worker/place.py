"""The proof that a connection is at the target, demanded before anybody uses it."""

from . import kinds
from .state import STATE, abort, stop_if_aborted


def on_connect(connection, record):
    """Prove that this physical connection is at the target, and make it what the request asks for."""
    stop_if_aborted()
    dialect = record.info.get("ops_dialect", STATE.dialect)
    if kinds.kind_of(dialect) != STATE.dialect:
        abort("wrong-database", "the project opened a %s database" % dialect, found=dialect)
    kinds.of_target().prove(connection, record)
    STATE.connected = True
    record.info["ops_run"] = STATE.run
