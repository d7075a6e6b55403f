"""Parameters are strict: nothing is guessed, nothing unknown passes."""

from __future__ import annotations

import pytest

from ops.errors import OpsError, UsageError
from ops.runbook.parameters import Parameter, declared, from_namespace, from_text, from_values, injected_names

SOURCE = """\
target: str = "default"  # which database; `ops targets` lists them
revision: str
dry_run: bool = True  # nothing is changed
wait: int = -1  # seconds
ratio: float = 0.5
pattern: str = "a=b # no comment"
"""
DECLARED = declared(SOURCE, notebook="40-upgrade")


def test_declaration_gives_names_types_defaults_and_help() -> None:
    assert declared(SOURCE, notebook="40-upgrade") == (
        Parameter(name="target", type="str", default="default", help="which database; `ops targets` lists them"),
        Parameter(name="revision", type="str"),
        Parameter(name="dry_run", type="bool", default=True, help="nothing is changed"),
        Parameter(name="wait", type="int", default=-1, help="seconds"),
        Parameter(name="ratio", type="float", default=0.5),
        Parameter(name="pattern", type="str", default="a=b # no comment"),
    )


# fmt: off
MALFORMED = {
    "no annotation":          "target = 'x'",
    "a type nobody knows":    "when: date = '2024-01-01'",
    "a default of no type":   "names: str = ['a']",
    "a computed default":     "seconds: int = 60 * 60",
    "a default that misfits": "count: int = '3'",
    "bool is no int":         "count: int = True",
    "a statement":            "import os",
    "no Python":              "target: str = ",
    "too large a float":      "ratio: float = 1" + "0" * 400,
    "too large a number":     "count: int = 1" + "0" * 20,
    "more digits than shown": "count: int = 0x" + "f" * 5000,
    "more than shown, misfit": "name: str = 0x" + "f" * 5000,
    "too many signs":         "count: int = " + "-" * 100_000 + "1",
    "many signs":             "count: int = " + "-" * 900 + "1",
    "too long a sum":         "count: int = " + " + ".join("1" * 5000),
    "a long sum":             "count: int = " + " + ".join("1" * 900),
    "a statement too deep":   "x" + ".a" * 900,
}
# fmt: on


@pytest.mark.parametrize("source", MALFORMED.values(), ids=MALFORMED)
def test_malformed_declaration_names_the_notebook(source: str) -> None:
    with pytest.raises(OpsError, match="parameters cell of 10-inspect"):
        declared(source, notebook="10-inspect")


# fmt: off
READ = {  #                                  given                      name        value
    "digits stay text":                     ("revision=0012345678",     "revision", "0012345678"),
    "no number in scientific notation":     ("revision=12e456789012",   "revision", "12e456789012"),
    "a trailing zero stays":                ("revision=1.10",           "revision", "1.10"),
    "text may be empty":                    ("revision=",               "revision", ""),
    "text keeps its blanks and signs":      ("revision= a=b ",          "revision", " a=b "),
    "text in any language":                 ("revision=Thêm cột",       "revision", "Thêm cột"),
    "the word None is text":                ("revision=None",           "revision", "None"),
    "false":                                ("dry_run=false",           "dry_run",  False),
    "False as Python writes it":            ("dry_run=False",           "dry_run",  False),
    "no":                                   ("dry_run=no",              "dry_run",  False),
    "0":                                    ("dry_run=0",               "dry_run",  False),
    "yes":                                  ("dry_run=yes",             "dry_run",  True),
    "a negative number":                    ("wait=-30",                "wait",     -30),
    "a whole number for a float":           ("ratio=2",                 "ratio",    2.0),
    "a float":                              ("ratio=1e-3",              "ratio",    0.001),
}
# fmt: on


@pytest.mark.parametrize(("given", "name", "value"), READ.values(), ids=READ)
def test_text_is_read_by_its_declared_type(given: str, name: str, value: object) -> None:
    values = from_text(DECLARED, ["revision=head", given] if name != "revision" else [given], notebook="n")

    assert values[name] == value
    assert type(values[name]) is type(value)
    assert list(values) == [one.name for one in DECLARED]


# fmt: off
REFUSED = {  #                      given                            says
    "unknown, with a near match":  (["revison=a"],                   "Did you mean revision"),
    "unknown, nothing near":       (["revision=a", "xyz=1"],         "no parameter 'xyz'"),
    "twice":                       (["revision=a", "revision=b"],    "given twice"),
    "no equals sign":              (["revision"],                    "not of the form key=value"),
    "required one is missing":     (["dry_run=no"],                  "revision needs a value"),
    "bool: another word":          (["revision=a", "dry_run=maybe"], "true, false"),
    "int: a float":                (["revision=a", "wait=1.5"],      "whole number"),
    "int: underscores":            (["revision=a", "wait=1_000"],    "whole number"),
    "int: other digits":           (["revision=a", "wait=٣"],        "whole number"),
    "int: thousands of digits":    (["revision=a", "wait=" + "9" * 5000], "whole number"),
    "float: infinity":             (["revision=a", "ratio=inf"],     "a number"),
    "float: not a number":         (["revision=a", "ratio=nan"],     "a number"),
    "float: beyond any":           (["revision=a", "ratio=1e999"],   "a number"),
    "float: underscores":          (["revision=a", "ratio=1_0.5"],   "a number"),
    "float: other digits":         (["revision=a", "ratio=٣.5"],     "a number"),
    "float: a sign nobody sees":   (["revision=a", "ratio=\x1d0"],   "a number"),
    "int: a sign nobody sees":     (["revision=a", "wait=\x1f5"],    "whole number"),
    "bool: a sign nobody sees":    (["revision=a", "dry_run=\u2003no"], "true, false"),
}
# fmt: on


@pytest.mark.parametrize(("given", "says"), REFUSED.values(), ids=REFUSED)
def test_refusal_lists_the_parameters_with_types(given: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        from_text(DECLARED, given, notebook="40-upgrade")

    assert refusal.value.exit_code == 2
    assert "wait: int = -1" in refusal.value.next_step
    assert "revision: str," in refusal.value.next_step
    assert len(str(refusal.value)) < 600


def test_values_are_taken_as_they_are_or_refused() -> None:
    assert from_values(DECLARED, {"revision": "a", "ratio": 1}, notebook="n")["ratio"] == 1.0
    with pytest.raises(UsageError, match="takes a bool"):
        from_values(DECLARED, {"revision": "a", "dry_run": 0}, notebook="n")
    with pytest.raises(UsageError, match="no parameter"):
        from_values(DECLARED, {"revision": "a", "dryrun": True}, notebook="n")


# What papermill makes of `-p revision ...`, and of flags.
# fmt: off
GUESSED = {  #                        name        value          hint
    "a revision became infinity":    ("revision", float("inf"),  "papermill -r revision"),
    "a revision became a number":    ("revision", 12345678,      "papermill -r revision"),
    "a revision became nothing":     ("revision", None,          "papermill -r revision"),
    "a revision became a list":      ("revision", ["a"],         "papermill -r revision"),
    "a flag stayed text":            ("dry_run",  "no",          "-p dry_run True"),
    "a flag became a number":        ("dry_run",  0,             "-p dry_run True"),
    "a number stayed text":          ("wait",     "5s",          "-p wait 5"),
    "a number became a bool":        ("wait",     True,          "-p wait 5"),
    "a number became a float":       ("wait",     5.0,           "-p wait 5"),
    "a number beyond any float":     ("ratio",    10**400,       "-p ratio 0.5"),
    "a number beyond 20 digits":     ("wait",     10**20,        "-p wait 5"),
    "more digits than are shown":    ("revision", 10**5000,      "papermill -r revision"),
}
# fmt: on
STANDING = {
    "target": "t",
    "revision": "a",
    "dry_run": True,
    "wait": 0,
    "ratio": 0.5,
    "pattern": "",
    "other": object(),
}


@pytest.mark.parametrize(("name", "value", "hint"), GUESSED.values(), ids=GUESSED)
def test_guessed_values_are_refused_in_the_notebook(name: str, value: object, hint: str) -> None:
    with pytest.raises(UsageError, match=name) as refusal:
        from_namespace(DECLARED, {**STANDING, name: value}, injected=[name], notebook="n")

    assert hint in refusal.value.next_step


def test_names_that_nobody_declared_are_refused_in_the_notebook() -> None:
    assert from_namespace(DECLARED, STANDING, injected=["wait"], notebook="n")["wait"] == 0
    with pytest.raises(UsageError, match="Did you mean dry_run"):
        from_namespace(DECLARED, STANDING, injected=["dryrun"], notebook="n")
    with pytest.raises(UsageError, match="wait has no value"):
        unset = {key: value for key, value in STANDING.items() if key != "wait"}
        from_namespace(DECLARED, unset, injected=[], notebook="n")


# fmt: off
CELLS = {
    "papermill's own cell":        (["# Parameters\na = 1\nb = 'x'\n"], ("a", "b")),
    "several of them":             (["# Parameters\na = 1", "c = 2", "# Parameters\nb = 1"], ("a", "b")),
    "a declaration by hand":       (["# Parameters\na: int = 1"], ("a",)),
    "one that cannot be read":     (["# Parameters\na = " + "-" * 100_000 + "1", "# Parameters\nb = 1"], ("b",)),
    "names inside a value do not": (["# Parameters\na = {'b': 1}"], ("a",)),
    "other cells do not":          (["a = 1\n# Parameters"], ()),
    "broken cells do not":         (["# Parameters\na = "], ()),
    "attributes do not":           (["# Parameters\na.b = 1"], ()),
}
# fmt: on


@pytest.mark.parametrize(("cells", "names"), CELLS.values(), ids=CELLS)
def test_injected_names(cells: list[str], names: tuple[str, ...]) -> None:
    assert injected_names(cells) == names
