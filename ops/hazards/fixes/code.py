"""What fixes are made of: bodies of `upgrade()`, operations, and the names that the server would choose."""

from __future__ import annotations

from collections.abc import Iterable

from ops.catalog.names import quoted
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.alembic_types import IMPORT
from ops.remedy.side import CONSTRAINTS, Side

NEXT = "# --- next revision ---"
_APART = (
    "# Each part is the upgrade() of a revision of its own: it starts once the one before it has committed\n"
    "# (upgrade them one by one, or set transaction_per_migration=True in env.py)."
)
_NAME_BYTES = 63
# Long enough for a lock that is free, short enough for those who queue behind it meanwhile.
LOCK_TIMEOUT = "op.execute(\"SET LOCAL lock_timeout = '2s'\")"


def revisions(*bodies: str) -> str:
    """Return the bodies of revisions that run one behind the other, each in a transaction of its own."""
    given = [one.strip("\n") for one in bodies if one.strip()]
    given = [f"{IMPORT}\n{one}" if "postgresql." in one and IMPORT not in one else one for one in given]
    if len(given) < 2:
        return "".join(given)
    return _APART + "\n" + f"\n\n{NEXT}\n\n".join(given)


def bodies(fix: str) -> tuple[str, ...]:
    """Return the revisions of a fix, each as the body of an `upgrade()`; none where there is no fix."""
    return tuple(one.strip("\n") for one in fix.split(NEXT)) if fix else ()


def body(*lines: str) -> str:
    """Return the body of one revision."""
    return "\n".join(line for line in lines if line)


def briefly(*lines: str) -> str:
    """Return a body whose lock is not waited for long: who fails tries again."""
    return body(LOCK_TIMEOUT, *lines)


def outside(*lines: str) -> str:
    """Return a body whose statements run outside of any transaction, each for itself."""
    return "with op.get_context().autocommit_block():\n" + words.indented(body(*lines))


def one_by_one(*lines: str) -> str:
    """Return a body whose statements commit each by itself: none keeps its lock while the next one waits."""
    return outside(LOCK_TIMEOUT.replace("SET LOCAL", "SET"), *lines, execute("RESET lock_timeout"))


def noted(note: str, *lines: str) -> str:
    """Return a body with a comment above it."""
    return body("\n".join(f"# {line}" for line in note.split("\n")), *lines)


execute = words.execute
python = words.python
qualified = words.qualified


def either(operation: str, sql: str, *names: str) -> str:
    """Return an Alembic operation, or the SQL where SQLAlchemy would take one of the names for something else."""
    return operation if operation and not any({".", "%"} & {*name} for name in names) else execute(sql)


def named(name: str) -> str:
    """Return the Python of a constraint's or an index's name to which no naming convention is applied."""
    return f"op.f({python(name)})"


def listed(names: Iterable[str]) -> str:
    """Return names as SQL lists them."""
    return ", ".join(quoted(one) for one in names)


def chosen(table: str, columns: Iterable[str], label: str, taken: Iterable[str] = ()) -> str:
    """Return the name that the server chooses for a constraint or an index without one.

    It cuts the longer of the table's and the columns' names until all fits into 63 bytes, and numbers what is taken.

    Source
    ------
    https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
    """
    known, number = frozenset(taken), 0
    middle = "_".join(columns)
    while True:
        end = f"{label}{number or ''}"
        name = _fitted(table, middle, end)
        if name not in known:
            return name
        number += 1


def _fitted(first: str, second: str, end: str) -> str:
    room = _NAME_BYTES - len(end.encode()) - 1 - (1 if second else 0)
    one, other = first.encode(), second.encode()
    while len(one) + len(other) > room:
        if len(one) > len(other):
            one = one[:-1]
        else:
            other = other[:-1]
    parts = (one.decode(errors="ignore"), other.decode(errors="ignore"), end)
    return "_".join(part for part in parts if part)


def taken_by_constraints(side: Side, table: Key) -> frozenset[str]:
    """Return the names that a new constraint of a table cannot have."""
    return frozenset(one.name for one in side.children(table, *CONSTRAINTS))


def taken_in(side: Side, schema: str) -> frozenset[str]:
    """Return the names that a new relation of a schema cannot have."""
    kinds = ("table", "foreign table", "view", "materialized view", "sequence", "index", *CONSTRAINTS)
    return frozenset(key.name for key in side.catalog.texts if key.schema == schema and key.kind in kinds)


def clean(sql: str) -> str:
    """Return a statement without the semicolon behind it."""
    return sql.strip().rstrip(";").rstrip()
