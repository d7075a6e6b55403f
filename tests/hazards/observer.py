"""The observer: runs the corpus on filled copies of the shop and writes down what each statement did.

    python -m tests.hazards.observer [--update] [NN ...]

It is independent of what it is to check: nothing of `ops` that plans, measures or judges is imported, and it
measures otherwise. It runs on *filled* databases, and a whole read shows in the number of rows that were read; a new
file shows in the set of all files. Statements that cannot be in a transaction are watched from a second session while
a third holds them back, so that what they lock shows every time; what such a statement locks for an instant
afterwards, or when it has nothing to wait for, does not show.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.hazards import corpus
from tests.hazards.copies import Copies, servers
from tests.hazards.watching import Connect, Watch

_WRITES = re.compile(r"INSERT|UPDATE|DELETE")


def observe(connect: Connect, case: corpus.Case, *, undo: bool = False) -> tuple[list[str], list[str]]:
    """Run a case on a filled shop; return the lines for its section, and what went otherwise than its file says.

    `undo`: the shop stays as it was. That is for a case that `leaves_nothing`.
    """
    with closing(Watch(connect)) as watch:
        surprises = watch.prepare(case)
        lines = watch.run(case.steps, surprises, undo=undo)
    return lines, surprises


def leaves_nothing(case: corpus.Case) -> bool:
    """Return whether a case is one transaction, and undone with it; of rows that were written, dead ones would stay."""
    writes = any(_WRITES.match(step.sql) for step in case.steps)
    return not case.setup and not case.needs and not writes and {step.transaction for step in case.steps} == {1}


def play(connect: Connect, case: corpus.Case, *, setup_only: bool = False) -> None:
    """Run a case, or what comes before it, without looking."""
    with closing(Watch(connect)) as watch:
        watch.prepare(case)
        if not setup_only:
            watch.play(case.steps)


def sections(case: corpus.Case, seen: dict[int, tuple[str, ...]]) -> list[str]:
    """Return a case's sections of `expected.txt`: one for all the servers that did the same."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for major in sorted(seen):
        groups.setdefault(seen[major], []).append(major)
    return [
        "\n".join((f"== {case.variant} on {', '.join(str(major) for major in majors)}", *lines))
        for lines, majors in groups.items()
    ]


def recorded(case: corpus.Case, major: int) -> tuple[str, ...] | None:
    """Return the lines that `expected.txt` has for a case on a server; None where nobody has looked."""
    file = case.folder / "expected.txt"
    if not file.exists():
        return None
    for variant, majors, lines in corpus.sections(file.read_text(encoding="utf-8")):
        if variant == case.variant and major in majors:
            return lines
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Observe the rows that are named, or all; compare with `expected.txt`, or write it. Return 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.hazards.observer", description="Watch the corpus run.")
    parser.add_argument("--update", action="store_true", help="write what is seen to expected.txt")
    parser.add_argument("rows", nargs="*", type=int, metavar="NN", help="rows of the corpus; all where none is named")
    options = parser.parse_args(arguments)
    problems: list[str] = []
    seen: dict[str, dict[int, tuple[str, ...]]] = {}
    found = corpus.cases(*options.rows)
    with tempfile.TemporaryDirectory(prefix="hazards-") as folder:
        for server in servers(Path(folder)):
            copies = Copies(server)
            for case in found:
                if not case.runs_on(copies.major, copies.extensions):
                    continue
                with copies.copy() as name:
                    lines, surprises = observe(copies.opener(name), case)
                problems += [f"{case.id} on {copies.major}: {one}" for one in surprises]
                seen.setdefault(case.id, {})[copies.major] = tuple(lines)
                if not options.update and recorded(case, copies.major) != tuple(lines):
                    problems.append(f"{case.id} on {copies.major} is not as expected.txt says:\n" + "\n".join(lines))
            copies.close()
    if options.update:
        _write(found, seen)
    print("\n".join(problems) or f"{len(found)} files, as expected")
    return 1 if problems else 0


def _write(found: Sequence[corpus.Case], seen: dict[str, dict[int, tuple[str, ...]]]) -> None:
    """Write the `expected.txt` of each folder; what is recorded of servers that are not here is kept."""
    texts: dict[Path, list[str]] = {}
    for case in found:
        file = case.folder / "expected.txt"
        kept = {}
        if file.exists():
            for variant, majors, lines in corpus.sections(file.read_text(encoding="utf-8")):
                kept |= {major: lines for major in majors if variant == case.variant}
        texts.setdefault(file, []).extend(sections(case, kept | seen.get(case.id, {})))
    for file, blocks in texts.items():
        head = "# What the observer saw on a filled copy of the shop. Only its --update writes this file.\n\n"
        file.write_text(head + "\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
