"""A home folder with projects and targets for the browser's stories."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from ops import embedded, scratch
from tests import cases
from tests.conftest import CHECKOUT
from tests.projects import make_linear

MANY = 1_000
MARKUP = '"><img src=x alt=x onerror="document.title=`planted`"><script>document.title="planted"</script>'
LONG = "x" * 10_000
WAITS = "SELECT CASE WHEN current_database() LIKE 'slow%' THEN pg_sleep(900) END"


def furnish(home: Path, server: embedded.Server, stack: ExitStack) -> dict[str, str]:
    """Write this repository's project into a folder, and targets beside it; return the environment that it needs.

    `default` is protected, as it has a URL; `slow`, `dying` and `keys` wait for minutes in their second revision;
    `many` has a thousand revisions, of which the newest say what no message should, and `braid` so many in branches
    that meet. The databases are dropped with the stack.
    """
    shutil.copytree(CHECKOUT / "alembic", home / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "alembic.ini", home)
    cases.copy_to(cases.projects()["slow"], home)
    (slow,) = (home / "slow").glob("migrations/versions/*_sleep.py")
    # On a clone, which has another name, it does not wait: its plan is made soon.
    slow.write_text(slow.read_text(encoding="utf-8").replace("SELECT pg_sleep(600)", WAITS), encoding="utf-8")
    make_linear.make(home / "many", MANY)
    for number, message in ((MANY, MARKUP), (MANY - 1, LONG)):
        (file,) = (home / "many" / "migrations" / "versions").glob(f"r{number:05}*.py")
        lines = file.read_text(encoding="utf-8").split("\n", 1)
        file.write_text(f"{message!r}\n{lines[1]}", encoding="utf-8")
    make_linear.make(home / "braid", MANY, parents=make_linear.braid)
    prefixes = {"shop": "shop", "slow": "slow", "dying": "slow", "keys": "slow", "many": "many", "braid": "braid"}
    urls = {name: stack.enter_context(scratch.database_on(server, prefix=one)) for name, one in prefixes.items()}
    sections = [
        f"[ops:target:{name}]\nurl = {urls[name]}\nprotected = false\nconfig = {prefixes[name]}/alembic.ini\n"
        for name in ("slow", "dying", "keys", "many", "braid")
    ]
    (home / "ops.ini").write_text("\n".join(sections), encoding="utf-8")
    return {"DATABASE_URL": urls["shop"], "SLOW_DATABASE_URL": urls["slow"]}


def name_of(url: str) -> str:
    """Return the name of the database in a URL."""
    return url.rpartition("/")[2].partition("?")[0]
