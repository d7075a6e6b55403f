"""What comes in, made up by hypothesis: values, cells, messages, and the bytes that `guided.py` begins with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from ops.project.protocol import FIELDS

TEXT = st.text(max_size=40)
LITERALS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.binary(max_size=9), st.lists(TEXT))
PARAMETERS = ("revision", "dry_run", "wait", "ratio")

CELL_WORDS = ("a", ":", "str", "int", "=", "'x'", "1", "\n", "#", "(", '"""', "\\", "None", "-", "\0", "\t")
LINES = st.tuples(
    st.sampled_from(["a", "revision", "đích"]),
    st.sampled_from(["str", "int", "bool", "float", "list"]),
    st.sampled_from(["", " = 'head'", " = -1", " = 0x1f", " = True", " = 1e3", " = 1 + 2j", " = ''", " = None"]),
    st.sampled_from(["", "  # help", "  # a unit, in s", "\n", " \\\n"]),
).map(lambda parts: f"{parts[0]}: {''.join(parts[1:])}")
CELLS = st.one_of(
    TEXT, st.lists(st.sampled_from(CELL_WORDS), max_size=12).map(" ".join), st.lists(LINES, max_size=4).map("\n".join)
)


# -- what a worker says -----------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
KINDS = (
    "statement", "lost", "alembic", "project", "exit", "abandoned", "wrong-database", "same-database", "pooler",
    "unresolved", "connects", "cancelled", "settings", "max-rewrite", "breaker", "missing-library", "x",
)  # fmt: skip
MESSAGES = st.one_of(
    TEXT,
    st.sampled_from(
        [
            "[Errno 28] no room: 'x'",
            "Multiple heads",
            "Relative revision +9 didn't produce 9 migrations",
            "Walked too far",
            "Ambiguous walk",
            "Can't locate revision x",
            "Target database is not up to date.",
            "LINE 1: x\n  ^",
            "half \ud800",
        ]
    ),
)
PATHS = st.one_of(TEXT, st.sampled_from(["/app/env.py", "versions/a1.py", "", "\0", "\udcff.py"]))
FAILURES = st.fixed_dictionaries(
    {"message": st.one_of(MESSAGES, JSON)},
    optional={
        "sql": st.one_of(TEXT, JSON),
        "sqlstate": st.one_of(st.sampled_from(["55P03", "40P01", "OPS54", None]), JSON),
        "lost": st.one_of(st.booleans(), JSON),
    },
)
FRAMES = st.lists(
    st.fixed_dictionaries(
        {"path": PATHS}, optional={"line": st.one_of(st.integers(), JSON), "text": JSON, "name": JSON}
    ),
    max_size=2,
)
TYPES = st.one_of(st.sampled_from(["ImportError", "SyntaxError", "RevisionError", "KeyError"]), TEXT, JSON)
OF_A_TYPE = {
    str: TEXT,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(),
    list: st.lists(JSON, max_size=3),
    dict: st.dictionaries(TEXT, JSON, max_size=3),
}
AS_AGREED = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda event: st.fixed_dictionaries(
        {"event": st.just(event), **{name: OF_A_TYPE[kind] for name, kind in FIELDS[event].items()}}
    )
)
ERRORS = st.fixed_dictionaries(
    {"event": st.just("error"), "kind": st.one_of(st.sampled_from(KINDS), TEXT), "message": MESSAGES, "type": TYPES},
    optional={
        "failure": st.one_of(FAILURES, JSON),
        "frames": st.one_of(FRAMES, JSON),
        "causes": st.one_of(st.lists(MESSAGES, max_size=2), JSON),
        "revision": st.one_of(TEXT, JSON),
        "missing": JSON,
        "sys_path": JSON,
        "found": JSON,
    },
)
LOOSE = st.fixed_dictionaries(
    {"event": st.one_of(st.sampled_from(sorted(FIELDS)), TEXT)},
    optional={name: JSON for name in ("kind", "message", "type", "value", "failure", "pid", "name", "heads", "python")},
)
SAID = st.one_of(
    st.binary(max_size=80),
    JSON.map(lambda one: json.dumps(one).encode()),
    st.one_of(AS_AGREED, ERRORS, LOOSE).map(lambda one: json.dumps(one).encode()),
)


# -- what a worker is told --------------------------------------------------------------------------

REVISIONS = st.one_of(
    st.sampled_from(["head", "heads", "base", "current", "+1", "-1", "a1@head", "a:b", "a,b", "", "@", "-"]), TEXT, JSON
)
TOLD = st.one_of(
    st.binary(max_size=80),
    JSON.map(lambda one: json.dumps(one).encode()),
    st.fixed_dictionaries(
        {"request": st.one_of(st.sampled_from(["history", "resolve", "quit", "probe"]), JSON)},
        optional={
            "direction": st.one_of(st.sampled_from(["up", "down", "stamp"]), JSON),
            "revision": REVISIONS,
            "heads": st.one_of(st.lists(TEXT, max_size=2), JSON),
            "read_only": JSON,
        },
    ).map(lambda one: json.dumps(one).encode()),
    st.fixed_dictionaries({"proof": JSON}, optional={"others": JSON}).map(lambda one: json.dumps(one).encode()),
)


# -- as bytes ---------------------------------------------------------------------------------------


def _lines(one: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(one, max_size=4).map(lambda lines: b"".join(line + b"\n" for line in lines))


def _bytes_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    return text.map(lambda one: one.encode("utf-8", "surrogatepass"))


BYTES: Mapping[str, st.SearchStrategy[bytes]] = {
    "cell": _bytes_of(CELLS),
    "parameter": st.tuples(st.integers(0, 3), TEXT).map(lambda one: bytes([one[0]]) + one[1].encode()),
    "values": st.dictionaries(st.one_of(st.sampled_from(PARAMETERS), TEXT), JSON, max_size=4).map(
        lambda one: json.dumps(one).encode() + b"\nwait"
    ),
    "worker": _lines(SAID),
    "parent": _lines(TOLD),
}
"""What each of the targets in `guided.py` begins with."""

WORDS = (
    *CELL_WORDS, "bool", "float", "True", "False", "0x", "1e999", "inf", "nan", *PARAMETERS,
    *(f'"{name}"' for name in FIELDS), *(f'"{field}"' for fields in FIELDS.values() for field in fields),
    *(f'"{kind}"' for kind in KINDS), '"event"', '"type"', '"failure"', '"frames"', '"causes"', '"path"', '"line"',
    '"text"', '"sqlstate"', '"lost"', '"found"', '"missing"', '"sys_path"', '"request"', '"resolve"', '"history"',
    '"quit"', '"proof"', '"others"', '"heads"', '"direction"', '"up"', '"down"', '"stamp"', '"head"', '"base"',
    '"read_only"', "[", "]", "{", "}", ":", ",", "null", "true", "\\ud800", "\n",
)  # fmt: skip
"""What is written in all of them."""
