"""The same properties, led by coverage: what reaches new code of ours is kept, and varied further.

    python -m tests.misuse.guided worker CORPUS -runs=100000 -seed=1

wants the extra `fuzz`; the options are libFuzzer's. Without it, `TARGETS` still takes any bytes.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given

_OURS = ("ops.project", "ops.runbook.parameters", "ops.errors", "ops.secrets")
"""Whose coverage leads on. A process that has them loaded already is not led at all."""


def _a_cell(data: bytes) -> None:
    from tests.misuse import properties

    properties.a_parameters_cell_declares_or_is_refused(_text(data))


def _a_parameter(data: bytes) -> None:
    """The first byte says which parameter is meant."""
    from tests.misuse import properties

    name = properties.DECLARED[data[0] % len(properties.DECLARED)].name if data else "revision"
    text = _text(data[1:])
    properties.a_parameter_is_what_was_typed_or_is_refused(name, text)
    properties.values_of_any_kind_fit_or_are_refused({}, text.split("\n"))


def _values(data: bytes) -> None:
    """A line of JSON is the values, and what follows it their names as papermill injects them."""
    from tests.misuse import properties

    line, _, names = data.partition(b"\n")
    with contextlib.suppress(ValueError, RecursionError):  # no JSON, hence no values
        values = json.loads(line)
        if isinstance(values, dict):
            properties.values_of_any_kind_fit_or_are_refused(values, _text(names).split("\n"))


def _worker(data: bytes) -> None:
    from tests.misuse import properties

    properties.whatever_a_worker_says_is_an_answer_or_an_error(data, listens=len(data) % 2 == 1)


def _parent(data: bytes) -> None:
    from tests.misuse import properties

    properties.whatever_a_worker_is_told_it_answers_or_ends(data)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "cell": _a_cell,
    "parameter": _a_parameter,
    "values": _values,
    "worker": _worker,
    "parent": _parent,
}


def _text(data: bytes) -> str:
    """Text of any bytes, half characters included, as JSON may have them."""
    return data.decode("utf-8", "surrogateescape")


# -- where it begins --------------------------------------------------------------------------------


def write_seeds(name: str, folder: Path, count: int) -> None:
    """Have hypothesis make up where to begin: so many inputs, a file each."""
    from tests.misuse import made_up
    from tests.misuse.fuzzing import hold

    found: list[bytes] = []
    hold(given(made_up.BYTES[name])(lambda data: found.append(data)), count)
    for number, data in enumerate(dict.fromkeys(found)):
        (folder / f"{number:05}").write_bytes(data)


def write_words(file: Path) -> None:
    """Write down the words that messages and cells are made of, as libFuzzer's dictionary."""
    from tests.misuse import made_up

    spelled = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in made_up.WORDS)
    file.write_text("".join(f'"{one}"\n' for one in spelled), encoding="ascii")


# -- how they are varied ----------------------------------------------------------------------------


def varied(data: bytes, limit: int, seed: int, bytewise: Callable[[bytes, int], bytes]) -> bytes:
    """Return an input that is another in one place: in a line of JSON a value for another, or else some bytes.

    Bytes alone hardly ever lead from one message to the next.
    """
    chance = random.Random(seed)
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    try:
        holder = [json.loads(lines[place])]
    except (ValueError, RecursionError):
        holder = []
    if not holder or chance.random() < 0.3:
        return bytewise(data, limit)
    spots = list(_spots(holder))
    into, key = chance.choice(spots)
    other, name = chance.choice(spots)
    into[key] = chance.choice(
        [None, True, 0, -1, 10**400, 0.5, "", "x", "\ud800", [], {}, [into[key]], {"message": into[key]}, other[name]]
    )
    if isinstance(into, dict) and chance.random() < 0.2:
        into[chance.choice(["revision", "failure", "frames", "causes", "lost", "sql", "found", "message"])] = other[
            name
        ]
    try:
        lines[place] = json.dumps(holder[0]).encode()
    except (ValueError, RecursionError):  # something that holds itself by now
        return bytewise(data, limit)
    return b"\n".join(lines)[:limit]


def _spots(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value where another could stand."""
    for key, one in enumerate(holder) if isinstance(holder, list) else list(holder.items()):
        yield holder, key
        if isinstance(one, list | dict):
            yield from _spots(one)


# -- the run ----------------------------------------------------------------------------------------


def main(name: str, options: list[str]) -> None:
    """Try one of `TARGETS` until libFuzzer has made its runs; that ends the process."""
    import atheris

    target = TARGETS[name]
    with atheris.instrument_imports(include=list(_OURS)):
        from tests.misuse import properties  # noqa: F401

    def tried(data: bytes) -> None:
        target(data)

    def vary(data: bytes, limit: int, seed: int) -> bytes:
        return varied(data, limit, seed, atheris.Mutate)

    own = {} if name in ("cell", "parameter") else {"custom_mutator": vary}
    atheris.Setup([sys.argv[0], *options], tried, **own)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
