"""Which changes of a column's type write the table anew, as each server has it."""

from __future__ import annotations

from contextlib import closing

from tests.hazards import corpus
from tests.hazards.copies import Copies


def rewrites(shops: Copies) -> dict[str, bool]:
    """Whether each change that this server can make gave the table a new file."""
    found = {}
    with closing(shops.connect(shops.bare())) as connection, connection.cursor() as cursor:
        for change in corpus.type_changes():
            if change.needs and change.needs not in shops.extensions:
                continue
            cursor.execute(f"BEGIN; SET LOCAL TIME ZONE '{change.zone}'")
            if change.needs:
                cursor.execute(f"CREATE EXTENSION {change.needs}")
            cursor.execute(f"CREATE TABLE t (c {change.old}); INSERT INTO t VALUES (NULL)")
            cursor.execute("SELECT pg_relation_filenode('t')")
            before = cursor.fetchone()
            cursor.execute(change.sql)
            cursor.execute("SELECT pg_relation_filenode('t')")
            found[str(change)] = cursor.fetchone() != before
            cursor.execute("ROLLBACK")
    return found


def expected(shops: Copies) -> dict[str, bool]:
    changes = corpus.type_changes()
    return {str(one): one.rewrite for one in changes if not one.needs or one.needs in shops.extensions}


def test_the_table_is_true(shops: Copies) -> None:
    assert rewrites(shops) == expected(shops)


def test_it_is_so_on_16(shops16: Copies) -> None:
    assert rewrites(shops16) == expected(shops16)


def test_it_is_so_on_the_systems_server(system_shops: Copies) -> None:
    assert rewrites(system_shops) == expected(system_shops)
