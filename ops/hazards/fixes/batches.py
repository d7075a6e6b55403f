"""Rows written some pages at a time, each batch committed for itself."""

from __future__ import annotations

from ops.hazards.fixes.code import literal, outside
from ops.hazards.subject import Subject
from ops.remedy import words

# Some thousand rows: written in a fraction of a second, so that who waits for one of them does not notice.
_PAGES = 100
_NOTE = (
    "# Some pages at a time, each batch a transaction of its own: a row is locked for a moment only.\n"
    "# What others have moved meanwhile is found in the next pass."
)


def written(subject: Subject, verb: str, condition: str) -> str:
    """Return the body that runs an UPDATE or a DELETE batch by batch, until nothing fulfils the condition any more.

    `verb` is the statement up to its WHERE; the table's alias in it is the table's own name. The batches are ranges of
    `ctid`, which every table has, and which the server finds without an index.

    Source
    ------
    https://www.postgresql.org/docs/current/ddl-system-columns.html#DDL-SYSTEM-COLUMNS-CTID
    """
    table = literal(subject.relation)
    size = f"SELECT pg_relation_size({table}) / current_setting('block_size')::int"
    if subject.is_partitioned:
        size = (
            f"SELECT max(pg_relation_size(relid)) / current_setting('block_size')::int FROM pg_partition_tree({table})"
        )
    where = f"({condition}) AND " if condition else ""
    pages = "ctid >= CAST(:first AS tid) AND ctid < CAST(:next AS tid)"
    batch = words.text(f"{verb} WHERE {where}") + pages
    return outside(
        _NOTE,
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
