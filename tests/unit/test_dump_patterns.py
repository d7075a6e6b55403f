"""Patterns of tables as psql understands them, and lists of patterns."""

from __future__ import annotations

import pytest

from ops.dumps import patterns
from ops.errors import UsageError

# fmt: off
PATTERNS = {  #                      pattern            schema          table
    "a table":                       ("users",          None,           "^(users)$"),
    "a table of a schema":           ("shop.users",     "^(shop)$",     "^(users)$"),
    "capitals are folded":           ("Shop.USERS",     "^(shop)$",     "^(users)$"),
    "capitals in quotes are kept":   ('"Shop".users',   "^(Shop)$",     "^(users)$"),
    "any of a schema":               ("secret.*",       "^(secret)$",   "^(.*)$"),
    "one character":                 ("audit_??",       None,           "^(audit_..)$"),
    "a star in quotes is a star":    ('"a*b"',          None,           r"^(a\*b)$"),
    "a dot in quotes is a dot":      ('"a.b".c',        r"^(a\.b)$",    "^(c)$"),
    "a quote in quotes":             ('"a""b"',         None,           '^(a"b)$'),
    "a dollar":                      ("a$b",            None,           r"^(a\$b)$"),
    "part of a name in quotes":      ('Us"ER"s',        None,           "^(usERs)$"),
}
LISTS = {  #                         text                       patterns
    "none":                          ("",                       ()),
    "one":                           ("users",                  ("users",)),
    "several, with spaces":          (" a.b , c ,, ",           ("a.b", "c")),
    "a comma in quotes":             ('"a,b",c',                ('"a,b"', "c")),
}
WRONG = {
    "nothing":                       "",
    "a quote that is not closed":    '"users',
    "a database":                    "shop.public.users",
    "no table":                      "shop.",
}
# fmt: on


@pytest.mark.parametrize(("text", "schema", "name"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_means_what_psql_takes_it_for(text: str, schema: str | None, name: str) -> None:
    found = patterns.parse(text)

    assert (found.schema, found.name) == (schema, name)


@pytest.mark.parametrize(("text", "wanted"), LISTS.values(), ids=LISTS)
def test_a_list_is_split_at_commas(text: str, wanted: tuple[str, ...]) -> None:
    assert patterns.split(text) == wanted


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no pattern of tables"):
        patterns.parse(text)
