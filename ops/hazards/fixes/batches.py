"""Rows written some at a time, each batch committed for itself."""

from __future__ import annotations

import re

from ops.catalog.names import literal, mentions, quoted
from ops.catalog.values import Key
from ops.hazards.fixes.code import clean, execute, outside
from ops.hazards.subject import Subject
from ops.remedy import words
from ops.remedy.constraints import columns_of

# Some thousand rows: written in a fraction of a second, so that who waits for one of them does not notice.
_PAGES = 100
_ROWS = 5000
_NOTE = "# Some rows at a time, each batch a transaction of its own: a row is locked for a moment only."
_AGAIN = "# What others have moved meanwhile is found in the next pass."


def written(subject: Subject, verb: str, condition: str) -> str:
    """Return the body that runs an UPDATE or a DELETE batch by batch, until nothing fulfils the condition any more.

    `verb` is the statement up to its WHERE. The batches are ranges of `ctid`, which every table has, and which the
    server finds without an index. What was written may come once more: then it must not fulfil the condition.

    Source
    ------
    https://www.postgresql.org/docs/current/ddl-system-columns.html#DDL-SYSTEM-COLUMNS-CTID
    """
    return of_table(subject, subject.relation, verb, condition)


def of_table(subject: Subject, relation: str, verb: str, condition: str) -> str:
    """Return the same for another table than the command's."""
    table = literal(relation)
    origin = subject.scene.origin(subject.statement, relation)
    size = f"SELECT pg_relation_size({table}) / current_setting('block_size')::int"
    if "partition key" in subject.side.of(subject.scene.table(origin)):
        size = (
            f"SELECT max(pg_relation_size(relid)) / current_setting('block_size')::int FROM pg_partition_tree({table})"
        )
    where = f"({condition}) AND " if condition else ""
    batch = words.text(f"{verb} WHERE {where}") + "ctid >= CAST(:first AS tid) AND ctid < CAST(:next AS tid)"
    return outside(
        _NOTE,
        _AGAIN,
        "connection = op.get_bind()",
        f"size = sa.text({words.python(words.text(size))})",
        f"batch = sa.text({words.python(batch)})",
        "for attempt in range(5):",
        "    changed = 0",
        f"    for page in range(0, connection.scalar(size) + 1, {_PAGES}):",
        f'        pages = {{"first": f"({{page}},0)", "next": f"({{page + {_PAGES}}},0)"}}',
        "        changed += connection.execute(batch, pages).rowcount",
        "    if not changed:",
        "        break",
    )


# What a driver is yet to fill in, or has to halve.
_FILLED_IN = re.compile(r"%[(%s]")
_WHOLE = re.compile(r"(?is)(?:UPDATE|DELETE\s+FROM)\s")
# Inside of the text behind the first word, these make it more than one table and one condition.
_MORE = re.compile(r"(?i)\b(?:RETURNING|FROM|USING|WITH|LIMIT|WHERE)\b")


def instead(subject: Subject) -> str:
    """Return a whole UPDATE or DELETE in batches; nothing where its text says more than that.

    A DELETE needs no key. An UPDATE goes along the primary key, as no row must be written twice; where there is none,
    it leaves out the rows that have the new values already.
    """
    command = subject.command
    sql = clean(subject.statement.sql)
    head, condition = _parted(sql)
    start = _WHOLE.match(sql)
    if len(subject.commands) != 1 or start is None or _FILLED_IN.search(sql):
        return ""
    if any(_MORE.search(_bare(one)) for one in (head[start.end() :], condition)):
        return ""
    if command.verb == "DELETE":
        return written(subject, head, condition)
    key = _key(subject)
    if key and key not in command.columns:
        return _by_key(subject, head, condition, key)
    values = _values(head, command.columns)
    if not values or any(mentions(value, one) for value in values for one in command.columns):
        return ""
    columns = ", ".join(map(quoted, command.columns))
    fresh = f"ROW({columns}) IS DISTINCT FROM ROW({', '.join(values)})"
    return written(subject, head, f"({condition}) AND {fresh}" if condition else fresh)


def _bare(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", sql)


def _parted(sql: str) -> tuple[str, str]:
    """A statement up to its outermost WHERE, and the condition behind it."""
    one_space = re.sub(r"\s+WHERE\s+", " WHERE ", sql, count=1, flags=re.IGNORECASE)
    head, *rest = words.split(one_space, " WHERE ")
    return head, " WHERE ".join(rest)


def _key(subject: Subject) -> str:
    """The one column of the primary key; empty where there is none, or several."""
    for key in subject.children("primary key"):
        columns = columns_of("primary key", str(subject.side.of(key)["definition"])) or ()
        return columns[0] if len(columns) == 1 else ""
    return ""


def _values(head: str, columns: tuple[str, ...]) -> list[str]:
    """What an UPDATE sets its columns to; nothing where it does so in another way than one by one."""
    parts = words.split(re.sub(r"\s+SET\s+", " SET ", head, count=1, flags=re.IGNORECASE), " SET ")
    if len(parts) != 2:
        return []
    pairs = [words.split(one, "=") for one in words.split(parts[1])]
    if any(len(pair) < 2 or pair[0].startswith("(") for pair in pairs) or len(pairs) != len(columns):
        return []
    return ["=".join(pair[1:]) for pair in pairs]


def _by_key(subject: Subject, head: str, condition: str, key: str) -> str:
    """A block on the server that goes along the primary key, and commits behind each batch."""
    type_ = subject.side.of(Key("column", subject.key.schema, subject.key.name, key)).get("type", "bigint")
    taken = {one.name for one in subject.children("column")}
    first, last = (_free(name, taken) for name in ("batch_first", "batch_last"))
    name, table = quoted(key), subject.relation
    where = f"({condition}) AND " if condition else ""
    rows = f"SELECT {name} FROM {table} WHERE {name} >= {first} ORDER BY {name} LIMIT {_ROWS}"
    code = "\n".join(
        (
            f"DECLARE {first} {type_}; {last} {type_};",
            "BEGIN",
            f"  SELECT {name} INTO {first} FROM {table} ORDER BY {name} LIMIT 1;",
            f"  WHILE {first} IS NOT NULL LOOP",
            f"    SELECT {name} INTO {last} FROM ({rows}) AS batch ORDER BY {name} DESC LIMIT 1;",
            f"    {head} WHERE {where}{name} BETWEEN {first} AND {last};",
            "    COMMIT;",
            f"    SELECT {name} INTO {first} FROM {table} WHERE {name} > {last} ORDER BY {name} LIMIT 1;",
            "  END LOOP;",
            "END",
        )
    )
    return outside(_NOTE, execute(words.block(code)))


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free(name + "_", taken)
