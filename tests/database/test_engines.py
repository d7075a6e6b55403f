"""An engine serves several runs of env.py only as long as nobody has changed it."""

from __future__ import annotations

import pytest

from ops.values import Verdict
from tests.database.conftest import SetUp

ENV = """\
import sys
from sqlalchemy import MetaData, create_engine, engine_from_config, event, pool, text
from alembic import context

config = context.config
engine = {make}
with open("seen.txt", "a") as file:
    file.write("%d " % getattr(engine, "seen", 0))
engine.seen = getattr(engine, "seen", 0) + 1
{change}
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=MetaData())
    with context.begin_transaction():
        context.run_migrations()
"""

CONFIGURED = 'engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)'
DIRECT = 'create_engine(config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool{more})'
LISTENER = """\
@event.listens_for(engine, "connect")
def connected(connection, record):
    with open("connected.txt", "a") as file:
        file.write("x")
"""

OBJECTS = """, connect_args={"options": "-c search_path=public"}"""
POOLED = 'create_engine(config.get_main_option("sqlalchemy.url"))'

# fmt: off
CASES = {  #                          kept   how it is made                 what is done to it
    "the usual template":            (True,  CONFIGURED,                    ""),
    "made directly":                 (True,  DIRECT.format(more=""),        ""),
    "with plain options":            (True,  DIRECT.format(more=", echo=False"), ""),
    "a copy with another option":    (True,  CONFIGURED,                    "engine = engine.execution_options(a=1)"),
    "it is disposed of":             (True,  CONFIGURED,                    "engine.dispose()"),
    "with options that are objects": (False, DIRECT.format(more=OBJECTS),   ""),
    "with a pool of its own":        (False, POOLED,                        ""),
    "a listener is added":           (False, CONFIGURED,                    LISTENER),
    "an option is set":              (False, CONFIGURED,                    "engine.update_execution_options(a=1)"),
}
# fmt: on


@pytest.mark.parametrize(("kept", "make", "change"), CASES.values(), ids=CASES)
def test_engines_between_two_runs_of_env(kept: bool, make: str, change: str, set_up: SetUp) -> None:
    bench = set_up("linear")
    (bench.project / "migrations" / "env.py").write_text(ENV.format(make=make, change=change), encoding="utf-8")

    done = bench.target.upgrade("+3", dry_run=False)

    assert (done.verdict, len(done.applied)) == (Verdict.OK, 3)
    looked_at, *revisions = (bench.project / "seen.txt").read_text().split()
    assert (looked_at, revisions) == ("0", ["0", "1", "2"] if kept else ["0", "0", "0"])
    if change is LISTENER:
        assert (bench.project / "connected.txt").read_text() == "xxxx", (
            "once at each connection, not once more each time"
        )


def test_two_engines_of_one_run_are_two(set_up: SetUp) -> None:
    bench = set_up("linear")
    change = f"other = {CONFIGURED}\nassert other is not engine\nother.connect().close()"
    (bench.project / "migrations" / "env.py").write_text(ENV.format(make=CONFIGURED, change=change), encoding="utf-8")

    done = bench.target.upgrade("+3", dry_run=False)

    assert (done.verdict, len(done.applied)) == (Verdict.OK, 3)
