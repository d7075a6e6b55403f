"""SQL as text: its statements, what a driver is yet to fill in, and what must not be shown."""

from __future__ import annotations

import pytest

from ops import commands

SECRET = "hunter2"

# fmt: off
PLACEHOLDERS = {
    "names, each with one number": ("SELECT %(a)s, %(b)s, %(a)s",          "SELECT $1, $2, $1"),
    "one after the other":         ("SELECT (%s, %s)",                     "SELECT ($1, $2)"),
    "behind a keyword":            ("SELECT FROM t WHERE x LIKE %s LIMIT %s", "SELECT FROM t WHERE x LIKE $1 LIMIT $2"),
    "a remainder is none":         ("SELECT a %s FROM t",                  "SELECT a %s FROM t"),
    "numbers stay":                ("SELECT $1::VARCHAR, $2",              "SELECT $1::VARCHAR, $2"),
    "a doubled percent":           ("SELECT a %% 2",                       "SELECT a % 2"),
    "names behind a colon":        ("SELECT :a, :a_1::int",                "SELECT $1, $2::int"),
    "a cast is none":              ("SELECT a::text, b:: int",             "SELECT a::text, b:: int"),
    "a slice is none":             ("SELECT a[1:n], b[:n]",                "SELECT a[1:n], b[:n]"),
    "a literal stays":             ("SELECT '%s %(a)s :b ''%%'",           "SELECT '%s %(a)s :b ''%%'"),
    "a literal with escapes":      (r"SELECT E'\' :a', :b",                r"SELECT E'\' :a', $1"),
    "a name stays":                ('SELECT "%s :b"',                      'SELECT "%s :b"'),
    "a body stays":                ("DO $x$ :a %s $$ $x$",                 "DO $x$ :a %s $$ $x$"),
    "a comment stays":             ("SELECT 1 -- :a's\n/* %s /* */ :b */", "SELECT 1 -- :a's\n/* %s /* */ :b */"),
}
SHOWN = {
    "literals and numbers":      ("SELECT t1 WHERE a='it''s' OR b = -1.5e3", "SELECT t1 WHERE a=? OR b = -?"),
    "other numbers":             ("SELECT 0xFF, 1_000, .5",                "SELECT ?, ?, ?"),
    "names stay":                ('SELECT "My col" FROM "T 1"',            'SELECT "My col" FROM "T 1"'),
    "spaces":                    ("SELECT\n   1",                          "SELECT ?"),
    "placeholders stay":         ("SELECT $1 WHERE a = %(b)s",             "SELECT $1 WHERE a = %(b)s"),
    "a setting":                 ("SET LOCAL app.user = joe, jane",        "SET LOCAL app.user = ?"),
    "a setting, second":         ("BEGIN; SET app.user TO joe; SELECT a",  "BEGIN; SET app.user TO ?; SELECT a"),
    "a setting of the server":   ("ALTER SYSTEM SET app.user = joe",       "ALTER SYSTEM SET app.user = ?"),
    "no setting":                ("UPDATE t SET a = b",                    "UPDATE t SET a = b"),
    "what was cut off":          ("SELECT \"a\" FROM t WHERE x = 'abc",    "SELECT ? FROM t WHERE x = ?"),
    "no SQL":                    ("fnord 'x' 5",                           "fnord ? ?"),
    "nothing":                   ("",                                      ""),
}
# fmt: on
HIDDEN = {
    "a literal": f"SELECT '{SECRET}'",
    "a literal with quotes": f"SELECT '''{SECRET}''', 'it''s {SECRET}'",
    "a literal with escapes": rf"SELECT E'\'{SECRET}\\', e'{SECRET}'",
    "a literal of a session without standard strings": rf"SELECT 'a\' {SECRET} '",
    "a literal of letters by number": f"SELECT U&'{SECRET}', N'{SECRET}'",
    "a literal that was cut off": f"SELECT 1, '{SECRET}",
    "an escaped literal that was cut off": f"SELECT 1, E'{SECRET}\\",
    "a name that was cut off": f'SELECT "{SECRET}',
    "a body": f"DO $x$ BEGIN RAISE '{SECRET}' $y$ {SECRET} $y$ END $x$",
    "a body that was cut off": f"SELECT $x$ {SECRET} $y$",
    "a comment": f"SELECT 1 -- {SECRET}",
    "a comment in a comment": f"SELECT /* /* */ {SECRET} */ 1",
    "a comment that was cut off": f"SELECT 1 /* {SECRET}",
    "a password": f"ALTER ROLE joe PASSWORD '{SECRET}'",
    "a comment on a table": f"COMMENT ON TABLE t IS '{SECRET}'",
    "a default": f"ALTER TABLE t ADD c text DEFAULT '{SECRET}'",
    "a setting": f"set session app.password to {SECRET}",
}


@pytest.mark.parametrize(("sql", "expected"), PLACEHOLDERS.values(), ids=PLACEHOLDERS)
def test_placeholders(sql: str, expected: str) -> None:
    assert commands.placeholders(sql) == expected
    assert [one.verb for one in commands.parse(sql)] in (["SELECT"], ["DO"])


@pytest.mark.parametrize(("sql", "expected"), SHOWN.values(), ids=SHOWN)
def test_what_may_be_shown(sql: str, expected: str) -> None:
    assert commands.normalised(sql) == expected


@pytest.mark.parametrize("sql", HIDDEN.values(), ids=HIDDEN)
def test_what_must_not_be_shown(sql: str) -> None:
    found = commands.normalised(sql)

    assert SECRET not in found
    assert found.split()[0] == sql.split()[0]


@pytest.mark.parametrize("sql", HIDDEN.values(), ids=HIDDEN)
def test_a_text_that_is_cut_anywhere_hides_what_it_hid(sql: str) -> None:
    cuts = [commands.normalised(sql[:end]) for end in range(len(sql))]

    assert [one for one in cuts if SECRET[:4] in one] == []


# fmt: off
STATEMENTS = {
    "two":                      ("SELECT 1; SELECT 2;",                   ("SELECT 1", "SELECT 2")),
    "a semicolon in a literal": ("SELECT ';';;\n SELECT 2",               ("SELECT ';'", "SELECT 2")),
    "a semicolon in a body":    ("DO $$;$$; SELECT 2",                    ("DO $$;$$", "SELECT 2")),
    "no SQL":                   ("CREATE fnord; SELECT 2",                ("CREATE fnord", "SELECT 2")),
    "one word that is no SQL":  ("fnord",                                 ("fnord",)),
    "cut off":                  ("SELECT 1; SELECT 'a",                   ("SELECT 1; SELECT 'a",)),
    "a zero byte":              ("SELECT 1;\0",                           ("SELECT 1;\0",)),
    "another script":           ("SELECT 'ö'; SELECT 'ß'",                ("SELECT 'ö'", "SELECT 'ß'")),
    "a comment":                ("-- x",                                  ()),
    "nothing":                  (" ; ",                                   ()),
}
# fmt: on


@pytest.mark.parametrize(("sql", "expected"), STATEMENTS.values(), ids=STATEMENTS)
def test_statements(sql: str, expected: tuple[str, ...]) -> None:
    assert commands.split(sql) == expected
