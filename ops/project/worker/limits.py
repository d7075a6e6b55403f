"""Settings that the parent wants in force before a statement: set on its very connection, and read back."""

from . import kinds
from .below import memory, milliseconds
from .channel import emit
from .state import STATE, abort


def put_in_force(conn):
    """Set what the parent asked for on this very connection, and say what the server made of it."""
    settings, STATE.settings = STATE.settings, {}
    known = memory(conn).settings
    settings = {name: value for name, value in settings.items() if known.get(name) != value}
    if not settings:
        return
    found = kinds.of_target().set_and_read(conn, settings)
    emit("settings", asked=settings, found=found)
    wrong = [name for name in settings if not same_setting(str(settings[name]), str(found[name]))]
    if wrong:
        abort("settings", "the server did not take %s, and says %s" % (settings, found))
    known.update(settings)


def same_setting(asked, found):
    """Whether two spellings mean the same: PostgreSQL writes 2000ms as 2s."""
    return asked == found or (milliseconds(asked) is not None and milliseconds(asked) == milliseconds(found))
