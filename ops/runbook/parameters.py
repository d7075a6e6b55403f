"""A notebook's parameters: what its file declares, and nothing but that is accepted.

Guessing is what goes wrong here: `12e456789012` is a revision and no number, and a parameter that is
misspelt must not leave a run with its defaults.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import re
import sys
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.errors import OpsError, UsageError

Value = str | int | bool | float

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "float": float}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_BLANKS = " \t\r\n"
_DIGITS = 20
"""As many as a whole number may have: Python itself writes down no more than some thousands."""
_TOO_DEEP = (RecursionError, MemoryError)
"""What Python raises for code that is nested too deeply, by how deeply it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One declared parameter. `default` is None where a value must be given."""

    name: str
    type: str
    default: Value | None = None
    help: str = ""

    def __str__(self) -> str:
        default = "" if self.default is None else f" = {self.default!r}"
        return f"{self.name}: {self.type}{default}"

    def to_dict(self) -> dict[str, object]:
        """Return the parameter as `ops list --json` prints it."""
        return {
            "name": self.name,
            "type": self.type,
            "default": self.default,
            "required": self.default is None,
            "help": self.help,
        }


def declared(source: str, *, notebook: str) -> tuple[Parameter, ...]:
    """Return what a parameters cell declares, in order: one `name: type = literal  # help` a line.

    Raises
    ------
    OpsError
        The cell holds anything else. That is a mistake in the notebook, not in the call.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise _malformed(notebook, str(error)) from None
    except _TOO_DEEP:
        raise _malformed(notebook, "it is nested too deeply") from None
    helps = _comments(source)
    found = []
    for node in tree.body:
        if not (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.annotation, ast.Name)
            and node.annotation.id in _TYPES
        ):
            raise _malformed(notebook, f"line {node.lineno}: {_code(node)}")
        kind = node.annotation.id
        default = _literal(node.value, notebook) if node.value is not None else None
        if default is not None and not _fits(default, kind):
            raise _malformed(notebook, f"line {node.lineno}: {_code(node)} is not {_article(kind)}")
        last = node.end_lineno or node.lineno
        found.append(Parameter(name=node.target.id, type=kind, default=default, help=helps.get(last, "")))
    return tuple(found)


def from_text(parameters: Sequence[Parameter], given: Iterable[str], *, notebook: str) -> dict[str, Value]:
    """Return the values of all parameters from `key=value` texts, each read by its declared type.

    Raises
    ------
    UsageError
        A key is unknown, doubled, missing, or its value has the wrong type.
    """
    values: dict[str, Value] = {}
    by_name = {parameter.name: parameter for parameter in parameters}
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise _usage(f"{_short(text)!r} is not of the form key=value.", parameters, notebook)
        if key not in by_name:
            raise _unknown([key], parameters, notebook)
        if key in values:
            raise _usage(f"Parameter {key} is given twice.", parameters, notebook)
        values[key] = _read(by_name[key], value, parameters, notebook)
    return _complete(parameters, values, notebook)


def from_values(parameters: Sequence[Parameter], values: Mapping[str, object], *, notebook: str) -> dict[str, Value]:
    """Return the values of all parameters from Python values, whose types must fit.

    Raises
    ------
    UsageError
        A name is unknown or missing, or a value has the wrong type.
    """
    known = {parameter.name for parameter in parameters}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise _unknown(unknown, parameters, notebook)
    checked: dict[str, Value] = {}
    for parameter in parameters:
        if parameter.name in values:
            checked[parameter.name] = _checked(parameter, values[parameter.name], parameters, notebook)
    return _complete(parameters, checked, notebook)


def from_namespace(
    parameters: Sequence[Parameter],
    namespace: Mapping[str, object],
    *,
    injected: Iterable[str],
    notebook: str,
) -> dict[str, Value]:
    """Return the values of all parameters as they stand in a running notebook.

    `injected` names what the executor assigned (see `injected_names`): papermill only warns about a
    parameter that no notebook knows, and guesses types.

    Raises
    ------
    UsageError
        A name is unknown, a parameter was never set, or a value has the wrong type.
    """
    known = {parameter.name for parameter in parameters}
    unknown = [name for name in injected if name not in known]
    if unknown:
        raise _unknown(unknown, parameters, notebook)
    unset = [parameter.name for parameter in parameters if parameter.name not in namespace]
    if unset:
        raise UsageError(
            f"{notebook}: {', '.join(unset)} has no value.",
            next_step='Run the cell that is tagged "parameters" first.',
        )
    values = {
        parameter.name: _checked(parameter, namespace[parameter.name], parameters, notebook) for parameter in parameters
    }
    return _complete(parameters, values, notebook)


def injected_names(cells: Iterable[str]) -> tuple[str, ...]:
    """Return the names that papermill's own cells assign: those that begin with `# Parameters`."""
    names: dict[str, None] = {}
    for cell in cells:
        if not cell.lstrip().startswith("# Parameters"):
            continue
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError, *_TOO_DEEP):
            continue  # a cell that does not compile has assigned nothing
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names |= dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name))
    return tuple(names)


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT}


def _literal(node: ast.expr, notebook: str) -> Value:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, *_TOO_DEEP):
        raise _malformed(notebook, f"line {node.lineno}: {_code(node)} is no literal") from None
    if not isinstance(value, (str, int, float)):
        raise _malformed(notebook, f"line {node.lineno}: {_code(node)} is no text, number or bool")
    return value


def _code(node: ast.AST) -> str:
    """The beginning of some code, for an error."""
    try:
        return ast.unparse(node)[:80]
    except (ValueError, *_TOO_DEEP):  # ValueError: a number of more digits than Python writes
        return "what is nested too deeply, or too long a number,"


def _fits(value: object, kind: str) -> bool:
    # bool is a subclass of int, and `dry_run=0` must not pass for False.
    if kind == "float":
        # Compared exactly: a whole number may be too large to become a float. What is no number is not less either.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]
    if kind == "int":
        return type(value) is int and abs(value) < 10**_DIGITS
    return type(value) is _TYPES[kind]


def _read(parameter: Parameter, text: str, parameters: Sequence[Parameter], notebook: str) -> Value:
    if parameter.type == "str":
        return text
    word = text.strip(_BLANKS)  # not what only Unicode calls a blank: nobody sees it
    if parameter.type == "bool" and word.lower() in _BOOLEANS:
        return _BOOLEANS[word.lower()]
    if parameter.type == "int" and _INTEGER.match(word) and len(word.lstrip("+-")) <= _DIGITS:
        return int(word)
    if parameter.type == "float" and _FLOAT.match(word) and math.isfinite(float(word)):
        return float(word)
    accepted = " (true, false, yes, no, 1, 0)" if parameter.type == "bool" else ""
    raise _usage(
        f"Parameter {parameter.name} takes {_article(parameter.type)}{accepted}; {_short(text)!r} is not one.",
        parameters,
        notebook,
    )


def _checked(parameter: Parameter, value: object, parameters: Sequence[Parameter], notebook: str) -> Value:
    if _fits(value, parameter.type):
        return float(value) if parameter.type == "float" else value  # type: ignore[arg-type, return-value]
    problem = (
        f"{notebook}: parameter {parameter.name} takes {_article(parameter.type)}, "
        f"but arrived as {type(value).__name__} {_short(_written(value))}."
    )
    if parameter.type == "str":
        raise UsageError(
            problem,
            next_step=f"papermill -p guesses types. Give text with -r: papermill -r {parameter.name} VALUE",
        )
    example = {"bool": "True", "int": "5", "float": "0.5"}[parameter.type]
    raise UsageError(problem, next_step=f"Write it as papermill takes it: -p {parameter.name} {example}")


def _complete(parameters: Sequence[Parameter], values: Mapping[str, Value], notebook: str) -> dict[str, Value]:
    missing = [one.name for one in parameters if one.default is None and one.name not in values]
    if missing:
        raise _usage(f"Parameter {', '.join(missing)} needs a value.", parameters, notebook)
    return {one.name: values.get(one.name, one.default) for one in parameters}  # type: ignore[misc]


def _unknown(names: Sequence[str], parameters: Sequence[Parameter], notebook: str) -> UsageError:
    known = [parameter.name for parameter in parameters]
    near = difflib.get_close_matches(names[0], known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(repr(_short(name)) for name in names[:5])
    return _usage(f"{notebook} has no parameter {listed}.{hint}", parameters, notebook)


def _usage(problem: str, parameters: Sequence[Parameter], notebook: str) -> UsageError:
    listed = ", ".join(map(str, parameters)) or "none"
    return UsageError(problem, next_step=f"The parameters of {notebook} are: {listed}.")


def _malformed(notebook: str, detail: str) -> OpsError:
    return OpsError(
        f"The parameters cell of {notebook} cannot be read: {detail}.",
        next_step="Write one `name: type = literal  # help` a line; types are str, int, bool and float.",
        code="notebook",
    )


def _article(kind: str) -> str:
    return {
        "str": "text (str)",
        "int": f"a whole number (int) of at most {_DIGITS} digits",
        "bool": "a bool",
        "float": "a number (float)",
    }[kind]


def _written(value: object) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):  # ValueError: a number of more digits than Python writes
        return "that is too large to be shown"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
