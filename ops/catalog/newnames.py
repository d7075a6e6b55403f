"""New names for old ones, and what is the same once they stand for each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.catalog.names import MARK, Path, marked, quoted
from ops.catalog.roots import RELATIONS
from ops.catalog.sides import FACETS
from ops.catalog.values import Key

# Properties that are names as they are, or text that is no SQL.
_RAW = frozenset(
    {
        "columns",
        "labels",
        "options",
        "toast options",
        "server options",
        "roles",
        "tags",
        "version",
        "constraint comments",
        "index comment",
        "persistence",
        "command",
        "kind",
        "access method",
        "tablespace",
    }
)
_NAMES = {"schema": "schema", "schemas": "schema", "server": "foreign server", "wrapper": "foreign data wrapper"}
IN_RELATIONS = frozenset({"index", "primary key", "unique", "exclusion"})
_MARKS = re.compile(MARK + r"(\d+)")
_ROWS = frozenset({"new", "old", "excluded"})


class NewNames:
    """The renames of one comparison. `side` is 0 for names in the first catalog, 1 for those in the second."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._paths: tuple[dict[Path, str], dict[Path, str]] = ({}, {})
        self._tables: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._columns: tuple[dict[tuple[str, str], dict[str, str]], dict[tuple[str, str], dict[str, str]]] = ({}, {})
        self._schemas: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._plain: tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]] = ({}, {})
        self._aliases: list[tuple[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, before: Key, after: Key) -> None:
        """Let a new name stand for an old one."""
        mark = self._mark(after)
        for side, key in enumerate((before, after)):
            if key.kind == "schema":
                self._schemas[side][key.name] = mark
            elif key.kind == "column":
                # a column of a renamed table is known by the table's old name on one side, its new one on the other
                self._columns[side].setdefault((key.schema, key.parent), {})[key.name] = mark
            elif key.kind in IN_RELATIONS:
                self._paths[side][key.schema, key.name] = mark
            elif key.schema:
                self._paths[side][key.path] = mark
                if key.kind in RELATIONS:
                    self._tables[side][key.name] = mark
            self._plain[side][key.kind, key.name] = mark
        if after.kind == "column":
            self._aliases += [(mark, quoted(before.name)), (mark, quoted(after.name))]

    def move(self, extension: Key, before: str, after: str) -> None:
        """Let what an extension brings be in another schema."""
        mark = self._mark(extension)
        self._schemas[0][before] = self._schemas[1][after] = mark

    def _mark(self, key: Key) -> str:
        self._keys.append(key)
        return f"{MARK}{len(self._keys) - 1}"

    def replaced(self, found: Path, side: int) -> Path | None:
        """Return a qualified name with marks for what was renamed; None where nothing was."""
        mark = self._paths[side].get(found[:2])
        if mark is not None:
            columns = self._columns[side].get((found[0], found[1]), {}) if len(found) > 2 else {}
            return (mark, *(columns.get(part, part) for part in found[2:]))
        if len(found) > 2 and (mark := self._columns[side].get((found[0], found[1]), {}).get(found[2])) is not None:
            return (found[0], found[1], mark)
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

    def form(self, key: Key, own: Mapping[str, Any], side: int, *, loose: bool = False) -> dict[str, Any]:
        """Return an object's properties with marks for what was renamed; what a person wrote stays as it is.

        `loose`: a column's name counts wherever it stands, as a view may call the table by another name.
        """
        table = (key.schema, key.parent or key.name)

        def replace(found: Path) -> Path | None:
            new = self.replaced(found, side)
            if new is not None:
                return new
            columns = self._columns[side]
            last = found[-1]
            if len(found) <= 2:
                mark = columns.get(table, {}).get(last)
                if mark is not None and (len(found) == 1 or found[0] in (table[1], *_ROWS)):
                    return (*found[:-1], mark)
                for (_, name), renamed in columns.items():
                    if last in renamed and (loose or (len(found) == 2 and found[0] == name)):
                        return (*found[:-1], renamed[last])
            return None

        return {name: self._with_marks(key, name, value, replace, side) for name, value in own.items()}

    def _with_marks(self, key: Key, name: str, value: Any, replace: Callable[[Path], Path | None], side: int) -> Any:
        if name in FACETS or name in _RAW:
            return value
        if name in _NAMES:
            known = self._plain[side]
            if isinstance(value, list):
                return sorted(known.get((_NAMES[name], one), one) for one in value)
            return known.get((_NAMES[name], value), value)
        if isinstance(value, str):
            return self._without_aliases(marked(value, replace))
        if isinstance(value, list):
            return [self._with_marks(key, "", one, replace, side) for one in value]
        if isinstance(value, dict):
            inner = {one: self._with_marks(key, "", text, replace, side) for one, text in value.items()}
            if key.kind == "publication":
                return {marked(one, replace): _sorted_columns(text) for one, text in inner.items()}
            return inner
        return value

    def _without_aliases(self, text: str) -> str:
        """A view goes on to call a renamed column by its old name: `t.new AS old`."""
        for mark, name in self._aliases:
            text = text.replace(f"{mark} AS {name}", mark)
        return text

    def explained(self, key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], Key | None]:
        """Return which differing properties are the same but for new names, and the first of what was renamed."""
        wanted = [name for name in before if name in after and name not in FACETS and before[name] != after[name]]
        same: list[str] = []
        because: Key | None = None
        for loose in (False, True):
            for name in [one for one in wanted if one not in same]:
                one = self.form(key, {name: before[name]}, 0, loose=loose)[name]
                other = self.form(key, {name: after[name]}, 1, loose=loose)[name]
                if one == other:
                    same.append(name)
                    marks = (match for text in _leaves(one) if (match := _MARKS.search(text)))
                    because = because or next((self._keys[int(match[1])] for match in marks), None)
        return same, because


_COLUMN_LIST = re.compile(r'\((?:"(?:[^"]|"")*"|[^")])+\)')
_COLUMN = re.compile(r'(?:"(?:[^"]|"")*"|[^",\s])+')


def _sorted_columns(text: Any) -> Any:
    """The columns of a publication's table are listed by their names: another name, another order."""
    match = _COLUMN_LIST.match(text) if isinstance(text, str) else None
    return f"({', '.join(sorted(_COLUMN.findall(match[0][1:-1])))}){text[match.end() :]}" if match else text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _leaves(one)
