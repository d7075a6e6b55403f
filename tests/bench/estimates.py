"""What a plan says of times, beside what the run then takes: on tables of several kinds and sizes.

`python tests/bench/estimates.py` prints it; with a number, for sizes of that share, such as 0.1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from measure import Claim, Part, alone, environment, table

from ops import embedded, scratch

ENV = """
from alembic import context
from sqlalchemy import create_engine, pool
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
from alembic import op
revision = "{revision}"
down_revision = {before}
def upgrade():
    {body}
def downgrade():
    pass
"""
OURS = """
import json, ops
db = ops.target("big")
plan = db.plan("head", allow="not-committed")
foretold = {one["statement"]: one for one in plan.to_dict()["estimates"]["statements"]}
done = db.upgrade("head", dry_run=False)
(run, *_) = db.ledger(statements=True).runs
took = {one.revision: [each["seconds"] for each in one.statements if "alembic_version" not in each["sql"]]
        for one in run.revisions}
print(json.dumps([[one.revision, foretold[one.number], took[one.revision][0]] for one in plan.own]))
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Tables of one kind: their columns, the values of row `n`, what a row takes, and more indexes than the key's."""

    columns: str
    values: str
    row_bytes: int
    indexes: tuple[str, ...] = ()


KINDS = {
    "narrow": Kind(columns="id integer, a integer, b integer", values="n, hashint4(n), n % 1000", row_bytes=42),
    "wide": Kind(
        columns="id integer, a integer, b integer, note text, more text",
        values="n, hashint4(n), n % 1000, md5(n::text) || md5((n + 1)::text) || repeat(md5((n + 2)::text), 8), 'x'",
        row_bytes=370,
    ),
    "indexed": Kind(
        columns="id integer, a integer, b integer, at timestamptz, name text",
        values="n, hashint4(n), n % 1000, '2026-01-01'::timestamptz + n * interval '1 s', md5(n::text)",
        row_bytes=90,
        indexes=("a", "b", "at", "name", "b, at"),
    ),
}
SIZES = {"narrow": (50, 200), "wide": (50, 400, 1500), "indexed": (50, 200)}
"""MiB of each table."""

OPERATIONS = {  # those that write the table anew at last: what comes behind them finds no settled rows
    "SET NOT NULL": "ALTER TABLE {t} ALTER COLUMN b SET NOT NULL",
    "VALIDATE CONSTRAINT": "ALTER TABLE {t} VALIDATE CONSTRAINT later",
    "CREATE INDEX": "CREATE INDEX {t}_more ON {t} (a, b)",
    "ADD PRIMARY KEY": "ALTER TABLE {t} ADD PRIMARY KEY (id)",
    "another type": "ALTER TABLE {t} ALTER COLUMN a TYPE bigint",
    "ADD COLUMN … DEFAULT random()": "ALTER TABLE {t} ADD COLUMN z double precision DEFAULT random()",
}
WIDEST = 4.0
INSIDE = 0.9


def run(folder: Path, share: float = 1.0) -> Part:
    """Plan all operations, run them, and set the one beside the other."""
    tables = {f"{kind}_{mib}": (KINDS[kind], mib * share) for kind, sizes in SIZES.items() for mib in sizes}
    home = folder / "estimates"
    url = scratch.ensure_database(embedded.server(folder), "estimated")
    _fill(folder, tables)
    wanted = _write(home, url, tables)
    done = subprocess.run(
        [sys.executable, "-c", OURS], env=_environment(home), cwd=home, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    _tidy(folder)
    rows = [(*wanted[revision], estimate, actual) for revision, estimate, actual in found]
    outside = [1.0 - _is_inside(estimate, actual) for _, _, estimate, actual in rows]
    widths = [round(one["seconds"]["high"] / one["seconds"]["low"], 3) for _, _, one, _ in rows if one["seconds"]]
    return Part(
        title="Estimates beside the times of a run",
        claims=(
            Claim(
                what=f"share of {len(rows)} statements that took other than estimated",
                values=(sum(outside) / len(outside),),
                limit=round(1 - INSIDE, 2),
            ),
            Claim(what="how wide the widest range is", values=(max(widths, default=1.0),), limit=WIDEST),
        ),
        tables=(
            table(
                ["table, MiB", "operation", "estimated", "took", "inside"],
                [[*row[:2], _words(row[2]), f"{row[3]:.2f} s", "yes" if _is_inside(*row[2:]) else "**no**"]
                 for row in rows],
            ),
        ),
        remarks=(
            "Rates were measured in the same minutes, on synthetic rows of the same types; figures are of single runs. "
            "What is estimated to take less than a second has no range.",
        ),
    )  # fmt: skip


def _is_inside(estimate: dict, actual: float) -> bool:
    if estimate["brief"]:
        return actual < 1.0
    return estimate["seconds"] is not None and estimate["seconds"]["low"] <= actual <= estimate["seconds"]["high"]


def _words(estimate: dict) -> str:
    if estimate["brief"]:
        return "less than 1 s"
    if estimate["seconds"] is None:
        return f"not known: {estimate['why']}"
    return f"{estimate['seconds']['low']:.2f} to {estimate['seconds']['high']:.2f} s"


def _fill(folder: Path, tables: dict[str, tuple[Kind, float]]) -> None:
    with closing(scratch.connect(embedded.server(folder), "estimated")) as connection, connection.cursor() as cursor:
        for name, (kind, mib) in tables.items():
            rows = round(mib * 2**20 / kind.row_bytes)
            cursor.execute(
                f"CREATE TABLE {name} ({kind.columns}); INSERT INTO {name} SELECT {kind.values}"
                f" FROM generate_series(1, {rows}) AS n;"
                f"ALTER TABLE {name} ADD CONSTRAINT later CHECK (b >= 0) NOT VALID"
            )
            for columns in kind.indexes:
                cursor.execute(f"CREATE INDEX ON {name} ({columns})")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _tidy(folder: Path) -> None:
    """Have the server come to rest, so that its files can be removed."""
    scratch.drop_database(embedded.server(folder), "estimated")
    for place in (embedded.server(folder), embedded.scratch_server(folder)):
        with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")


def _write(home: Path, url: str, tables: dict[str, tuple[Kind, float]]) -> dict[str, tuple[str, str]]:
    """Write a project with one revision for each operation on each table; return what each of them is."""
    versions = home / "migrations" / "versions"
    versions.mkdir(parents=True)
    (home / "migrations" / "env.py").write_text(ENV)
    (home / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (home / "ops.ini").write_text(
        f"[ops:target:big]\nurl = {url}\nprotected = false\nstatement_timeout = 30min\nstatement_timeout_long = 30min\n"
    )
    found: dict[str, tuple[str, str]] = {}
    before = None
    for (name, words), sql in _operations(tables):
        revision = f"e{len(found):011d}"
        text = REVISION.format(revision=revision, before=repr(before), body=f"op.execute({sql!r})")
        (versions / f"{revision}_step.py").write_text(text)
        found[revision] = (name, words)
        before = revision
    return found


def _operations(tables: dict[str, tuple[Kind, float]]) -> Iterator[tuple[tuple[str, str], str]]:
    for name, (_, mib) in tables.items():
        for words, sql in OPERATIONS.items():
            yield (f"{name.partition('_')[0]}, {mib:.0f}", words), sql.format(t=name)


def _environment(home: Path) -> dict[str, str]:
    return environment(OPS_HOME=str(home), OPS_EMBEDDED_DIR=str(home.parent / ".ops"))


if __name__ == "__main__":
    alone(run, *map(float, sys.argv[1:2]))
