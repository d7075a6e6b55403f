"""How names, values and statements are written: as SQL, and as the Python of a version file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.catalog.names import paths, quoted

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
IDENTIFIER = re.compile(_IDENTIFIER)
_DOLLARS = re.compile(r"\$\w*\$")
_BOUND = re.compile(r"(?<![:\w\x5c])(:[\w$]+)(?![:\w])")
_ESCAPED = re.compile(r"\x5c(:[\w$]*)(?![:\w$])")


identifier = quoted


def qualified(*parts: str) -> str:
    """Return a name of several parts as SQL; empty parts are left out."""
    return ".".join(quoted(part) for part in parts if part)


def bare(name: str) -> str:
    """Return what an identifier, as SQL writes it, stands for."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def role(name: str) -> str:
    """Return a grantee as SQL. A role that is itself called PUBLIC comes with quotes from the catalog."""
    return name if name in ("PUBLIC", '"PUBLIC"') else quoted(name)


def names_in(*texts: str) -> frozenset[str]:
    """Return every qualified name that SQL texts speak of, and each of its beginnings that is one as well."""
    found = {path[:length] for text in texts for path in paths(text) for length in range(1, len(path) + 1) if path[1:]}
    return frozenset(".".join(map(quoted, path)) for path in found)


def names_in_bodies(text: str) -> frozenset[str]:
    """Return the names in a function's definition with its body, into which the server does not look."""
    return names_in(_DOLLARS.sub(" ", text))


def names_list(text: str) -> tuple[str, ...] | None:
    """Return the names in a list of plain identifiers, `a, "B c"`; None where it is anything else."""
    if not re.fullmatch(rf"{_IDENTIFIER}(?:, {_IDENTIFIER})*", text):
        return None
    return tuple(bare(match) for match in IDENTIFIER.findall(text))


def split(text: str, separator: str = ",") -> tuple[str, ...]:
    """Return the parts of an SQL text at its outermost separators: not in parentheses, names or literals."""
    parts, start, depth, quote = [], 0, 0, ""
    for position, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif not depth and text.startswith(separator, position):
            parts.append(text[start:position].strip())
            start = position + len(separator)
    return (*parts, text[start:].strip())


def inside(text: str) -> tuple[str, str] | None:
    """Return what stands in the parentheses that a text begins with, and what follows them."""
    depth, quote = 0, ""
    for position, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if not depth:
                return text[1:position], text[position + 1 :].strip()
        if not depth and position == 0:
            return None
    return None


def block(body: str) -> str:
    """Return a DO statement; its quotes are none that stand in the body."""
    tag = "do"
    while f"${tag}$" in body:
        tag += "_"
    return f"DO ${tag}$ {body} ${tag}$"


# -- Python ---------------------------------------------------------------------------------------------


def python(value: object) -> str:
    """Return a value as Python source that means the same at any indentation."""
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(python(one) for one in value) + "]"
    source = repr(value)
    if isinstance(value, str) and source.startswith("'") and '"' not in value:
        source = '"' + source[1:-1].replace("\\'", "'") + '"'
    return source


def text(sql: str) -> str:
    """Return SQL as `sa.text` wants it: colons before words are no parameters."""
    return _BOUND.sub(r"\\\1", _ESCAPED.sub(r"\\\\\1", sql))


def as_text(sql: str) -> str:
    """Return the Python of `sa.text` for an SQL expression."""
    return f"sa.text({python(text(sql))})"


def call(name: str, /, *arguments: str, **keywords: str | None) -> str:
    """Return the Python of a call; all arguments are Python source. Keywords that are None are left out.

    SQLAlchemy takes a dot in a schema's name for a border: for such an operation, the result is empty.
    """
    if any(key.endswith("schema") and "." in str(value) for key, value in keywords.items()):
        return ""
    given = [*arguments, *(f"{key}={value}" for key, value in keywords.items() if value is not None)]
    line = f"{name}({', '.join(given)})"
    if len(line) <= 100 and "\n" not in line:
        return line
    return f"{name}(\n" + "".join(indented(one) + ",\n" for one in given) + ")"


def indented(source: str) -> str:
    """Return source one step further right; no literal of ours goes over several lines, so none is changed."""
    return "\n".join("    " + line for line in source.split("\n"))


def execute(sql: str) -> str:
    """Return the `op.execute` that runs exactly this statement."""
    lines = [line for line in re.split(r"(?<=\n)", text(sql)) if line]
    if len(lines) == 1:
        return f"op.execute({python(lines[0])})"
    return "op.execute(\n" + "".join(f"    {python(line)}\n" for line in lines) + ")"


def joined(parts: Iterable[str], between: str = " ") -> str:
    """Return the parts that are not empty, put together."""
    return between.join(part for part in parts if part)
