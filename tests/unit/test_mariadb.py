"""MariaDB's words, read without a server."""

from __future__ import annotations

import pytest

from ops import commands
from ops.mariadb import server, ways
from ops.mariadb.statements import discreet, parse
from ops.project.worker.mariadb import COMMITS, words_of

# fmt: off
STATEMENTS = {  #                    text                                                commits  verb       writes rows
    "a table":                      ("CREATE TABLE t (a INT)",                           True,  "CREATE",   False),
    "a table of the session's own": ("CREATE TEMPORARY TABLE t (a INT)",                 False, "CREATE",   False),
    "a change":                     ("\n  alter table t add b int",                      True,  "ALTER",    False),
    "behind a remark":              ("/* why */ -- so\n# and so\nDROP TABLE t",          True,  "DROP",     False),
    "another name":                 ("RENAME TABLE a TO b",                              True,  "RENAME",   False),
    "a right":                      ("GRANT SELECT ON t TO u",                           True,  "GRANT",    False),
    "all rows":                     ("TRUNCATE t",                                       True,  "TRUNCATE", True),
    "locked tables":                ("LOCK TABLES t WRITE",                              True,  "LOCK TABLE", False),
    "rows":                         ("INSERT INTO `t` VALUES (1)",                       False, "INSERT",   True),
    "rows in place of others":      ("REPLACE INTO t VALUES (1)",                        False, "INSERT",   True),
    "rows of a file":               ("LOAD DATA INFILE 'x' INTO TABLE t",                False, "INSERT",   True),
    "a question":                   ("SELECT a FROM `t`",                                False, "SELECT",   False),
    "a question that may write":    ("SELECT f(a) FROM t",                               False, "?",        True),
    "a question that locks":        ("SELECT a FROM t FOR UPDATE",                       False, "?",        True),
    "a setting":                    ("SET FOREIGN_KEY_CHECKS = 0",                       False, "SET",      False),
    "a password":                   ("SET PASSWORD = PASSWORD('x')",                     True,  "SET",      False),
    "a procedure":                  ("CALL f()",                                         False, "CALL",     True),
    "a word that begins so":        ("CREATED BY NOBODY",                                False, "?",        True),
    "nothing":                      ("",                                                 False, "?",        True),
}
TABLES = {
    "ALTER TABLE t ADD b INT": "t",
    "alter online table if exists `a``b` add c int;": "a`b",
    "CREATE INDEX i ON t (a)": "t",
    "CREATE UNIQUE INDEX `i x` USING BTREE ON `t u` (a)": "t u",
    "DROP INDEX i ON t": "t",
    "CREATE TABLE t (a INT)": None,
    "UPDATE t SET a = 1": None,
    "ALTER DATABASE d CHARACTER SET utf8mb4": None,
}
VERSIONS = {
    "10.11.19-MariaDB-0+deb12u1": 10110019,
    "11.4.2-MariaDB": 11040002,
    "5.5.5-10.6.1": 5050005,
}
BARE = {
    "select `d`.`t`.`a` from `d`.`t`": "select `t`.`a` from `t`",
    "select `x`.`d`.`a` from `e`.`d`": "select `x`.`d`.`a` from `e`.`d`",
    "nextval(`d`.`s`)": "nextval(`s`)",
    "`d`": "`d`",
}
# fmt: on


@pytest.mark.parametrize(("sql", "commits", "verb", "writes"), STATEMENTS.values(), ids=STATEMENTS)
def test_what_a_statement_is(sql: str, commits: bool, verb: str, writes: bool) -> None:
    (found,) = parse(sql)

    assert (COMMITS.match(sql) is not None, found.verb, commands.may_write_rows((found,))) == (commits, verb, writes)


@pytest.mark.parametrize(("sql", "table"), TABLES.items())
def test_which_table_a_statement_changes(sql: str, table: str | None) -> None:
    assert ways.table_of(sql) == table


@pytest.mark.parametrize(("version", "number"), VERSIONS.items())
def test_versions_are_numbers(version: str, number: int) -> None:
    assert server.number(version) == number


@pytest.mark.parametrize(("text", "found"), BARE.items())
def test_a_databases_own_name_is_left_out(text: str, found: str) -> None:
    assert server.bare(text, "d") == found


# fmt: off
DISCREET = {
    "SELECT * FROM `t` WHERE a = 'pl4nted' AND b = 12": "SELECT * FROM `t` WHERE a = ? AND b = ?",
    'INSERT INTO t VALUES ("pl4nted", "it\'s \\"pl4nted\\"")': "INSERT INTO t VALUES (?, ?)",
    "SET PASSWORD = PASSWORD('pl4nted\\'s')": "SET PASSWORD = ?",
    "CREATE USER x IDENTIFIED BY 'pl4nted": "CREATE USER x IDENTIFIED BY ?",
    "UPDATE t /* pl4nted */ SET a = 'x\"', b = \"pl4nted'\"": "UPDATE t SET a = ?, b = ?",
}
# fmt: on


@pytest.mark.parametrize(("sql", "shown"), DISCREET.items())
def test_queries_of_others_are_shown_without_their_values(sql: str, shown: str) -> None:
    assert discreet(sql) == shown


# fmt: off
WAYS = {
    ("INSTANT", "NONE"):      ("at once",                                      "",                 False),
    ("INSTANT", "EXCLUSIVE"): ("at once",                                      "",                 False),
    ("NOCOPY",  "NONE"):      ("without writing the table anew; nobody waits meanwhile", "",       False),
    ("INPLACE", "SHARED"):    ("writing the table anew; writes wait meanwhile", "writes",          True),
    ("COPY",    "EXCLUSIVE"): ("copying the table; reads and writes wait meanwhile", "reads and writes", True),
}
# fmt: on


@pytest.mark.parametrize(("way", "found"), WAYS.items())
def test_ways_in_words(way: tuple[str, str], found: tuple[str, str, bool]) -> None:
    one = ways.Way(algorithm=way[0], lock=way[1])

    assert (str(one), one.waits, one.rebuilds) == found


def test_the_servers_words_come_with_their_number() -> None:
    assert words_of(Exception(1146, "no such table")) == "no such table (error 1146)"
    assert words_of(Exception("gone")) == "gone"
