"""New names for old ones, and what is the same once they stand for each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ops.catalog.names import MARK, Path, aligned, marked, path, quoted
from ops.catalog.roots import RELATIONS
from ops.catalog.sides import FACETS
from ops.catalog.values import Key

IN_RELATIONS = frozenset({"index", "primary key", "unique", "exclusion"})

# Properties that are text, but no SQL, and those that are a name as it is, with the kind of what is called so.
_RAW = frozenset(
    {
        *("columns", "labels", "options", "toast options", "server options", "roles", "tags", "version", "persistence"),
        *("constraint comments", "index comment", "command", "kind", "access method", "tablespace"),
    }
)
_PLAIN = {"schema": "schema", "schemas": "schema", "server": "foreign server", "wrapper": "foreign data wrapper"}
_MARKS = re.compile(MARK + r"(\d+)")


class NewNames:
    """The renames of one comparison. `side` is 0 for names in the first catalog, 1 for those in the second."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._paths: tuple[dict[Path, str], dict[Path, str]] = ({}, {})
        self._tables: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._schemas: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._plain: tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]] = ({}, {})
        self._of_tables: tuple[dict[Path, dict[str, str]], dict[Path, dict[str, str]]] = ({}, {})
        self._columns: dict[tuple[str, str], Key] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, before: Key, after: Key) -> None:
        """Let a new name stand for an old one."""
        mark = self._mark(after)
        for side, key in enumerate((before, after)):
            if key.kind == "schema":
                self._schemas[side][key.name] = mark
            elif key.kind == "column":
                self._of_tables[side].setdefault((key.schema, key.parent), {})[key.name] = mark
            elif key.kind in IN_RELATIONS:
                self._paths[side][key.schema, key.name] = mark
            elif key.schema and not key.parent:
                self._paths[side][key.path] = mark
                if key.kind in RELATIONS:
                    self._tables[side][key.name] = mark
            self._plain[side][key.kind, key.name] = mark
        if after.kind == "column":
            self._columns[before.name, after.name] = after

    def move(self, extension: Key, before: str, after: str) -> None:
        """Let what an extension brings be in another schema."""
        self._schemas[0][before] = self._schemas[1][after] = self._mark(extension)

    def _mark(self, key: Key) -> str:
        self._keys.append(key)
        return f"{MARK}{len(self._keys) - 1}"

    # -- marks, which make two texts the same -------------------------------------------------------

    def replaced(self, found: Path, side: int) -> Path | None:
        """Return a qualified name with marks for what was renamed; None where nothing was."""
        mark = self._paths[side].get(found[:2])
        if mark is not None:
            return (mark, *found[2:])
        if len(found) > 1 and (mark := self._schemas[side].get(found[0])) is not None:
            return (mark, *found[1:])
        if len(found) > 1 and (mark := self._tables[side].get(found[0])) is not None:
            return (mark, *found[1:])
        return None

    def arguments(self, text: str, side: int) -> str:
        """Return a routine's types with marks."""
        return marked(text, lambda found: self.replaced(found, side))

    def named(self, text: str, side: int) -> Key | None:
        """Return whose new name a text speaks of."""
        match = _MARKS.search(self.arguments(text, side))
        return self._keys[int(match[1])] if match else None

    def form(self, key: Key, own: Mapping[str, Any], side: int) -> dict[str, Any]:
        """Return an object's properties with marks for what was renamed; what a person wrote stays as it is."""
        columns = self._of_tables[side].get((key.schema, key.parent), {})

        def replace(found: Path) -> Path | None:
            if found[-1] in columns and len(found) <= 2:
                return (*found[:-1], columns[found[-1]])
            return self.replaced(found, side)

        return {name: self._with_marks(name, value, replace, side) for name, value in own.items()}

    def _with_marks(self, name: str, value: Any, replace: Callable[[Path], Path | None], side: int) -> Any:
        if name in FACETS or name in _RAW:
            return value
        if name in _PLAIN:
            return self._known(name, value, side)
        if isinstance(value, str):
            return marked(value, replace)
        if isinstance(value, list):
            return [self._with_marks("", one, replace, side) for one in value]
        if isinstance(value, dict):
            return {one: self._with_marks("", text, replace, side) for one, text in value.items()}
        return value

    def _known(self, name: str, value: Any, side: int) -> Any:
        known = self._plain[side]
        if isinstance(value, list):
            return sorted(known.get((_PLAIN[name], one), one) for one in value)
        return known.get((_PLAIN[name], value), value)

    # -- pairs of texts, of which the second only has the new names ---------------------------------

    def explained(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], Key | None]:
        """Return which differing properties are the same but for new names, and the first of what was renamed.

        Two things may have had the same name, and only one of them another now: so each place is looked at by itself.
        """
        same: list[str] = []
        because: list[Key] = []
        for name in before:
            if name in FACETS or name not in after or before[name] == after[name]:
                continue
            reasons: list[Key] = []
            if self._is_same(name, before[name], after[name], reasons) and reasons:
                same.append(name)
                because += reasons
        return same, because[0] if because else None

    def _is_same(self, name: str, one: Any, other: Any, because: list[Key]) -> bool:
        if one == other:
            return True
        if name in _RAW or type(one) is not type(other):
            return False
        if name in _PLAIN:
            known = self._known(name, one, 0)
            marks = [known] if isinstance(known, str) else known
            because += (self._keys[int(mark[1:])] for mark in marks if mark.startswith(MARK))
            return known == self._known(name, other, 1)
        if isinstance(one, str):
            if one.startswith("CREATE STATISTICS "):
                one = self._in_new_order(one, _STATISTICS)
            return aligned(one, other, lambda old, new: self._is_renamed(old, new, because), self._columns)
        if isinstance(one, list):
            return len(one) == len(other) and all(
                self._is_same("", old, new, because) for old, new in zip(one, other, strict=True)
            )
        if isinstance(one, dict):
            if name == "tables":
                return self._are_same_tables(one, other, because)
            return one.keys() == other.keys() and all(self._is_same("", one[key], other[key], because) for key in one)
        return False

    def _is_renamed(self, old: Path, new: Path, because: list[Key]) -> bool:
        if old == new:
            return True
        marks = self.replaced(old, 0), self.replaced(new, 1)
        if marks[0] is not None and marks[1] is not None and marks[0][0] == marks[1][0]:
            because.append(self._keys[int(marks[0][0][1:])])
            return self._is_renamed(marks[0][1:], marks[1][1:], because)
        column = self._columns.get((old[-1], new[-1])) if old and new else None
        if column is not None:
            because.append(column)
            return self._is_renamed(old[:-1], new[:-1], because)
        return False

    def _are_same_tables(self, one: Mapping[str, str], other: Mapping[str, str], because: list[Key]) -> bool:
        """The tables of a publication: other names, another order."""
        left = dict(other)
        for old, text in one.items():
            fitting = (
                new
                for new, rest in left.items()
                if aligned(old, new, lambda a, b: self._is_renamed(a, b, because), self._columns)
                and self._is_same("", self._in_new_order(text, _PUBLISHED), rest, because)
            )
            new = next(fitting, None)
            if new is None:
                return False
            del left[new]
        return not left

    def _in_new_order(self, text: str, pattern: re.Pattern[str]) -> str:
        """A definition in which columns are listed by their names, in the order of the new ones."""
        match = pattern.match(text)
        if match is None:
            return text
        new = {quoted(old): quoted(name) for old, name in self._columns}
        columns = sorted(_COLUMN.findall(match["columns"]), key=lambda one: _bare(new.get(one, one)))
        return text[: match.start("columns")] + ", ".join(columns) + text[match.end("columns") :]


_NAME = r'(?:"(?:[^"]|"")+"|\w[\w$]*)(?![\w$(.])'
_COLUMN = re.compile(_NAME)
_PUBLISHED = re.compile(rf"\((?P<columns>{_NAME}(?:, {_NAME})*)\)")
_STATISTICS = re.compile(rf"""(?:"(?:[^"]|"")*"|[^"])*? ON (?P<columns>{_NAME}(?:, {_NAME})*)""")


def _bare(name: str) -> str:
    return path(name)[-1]
