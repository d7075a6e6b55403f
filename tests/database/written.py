"""Version files that a test writes itself, in the place of a fixture project's own."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from tests.database.conftest import Bench


def write(bench: Bench, *bodies: str | tuple[str, str]) -> list[str]:
    """Replace the version files by one for each body, or (upgrade, downgrade); return their revisions in order."""
    folder = next(bench.project.rglob("versions"))
    for path in folder.glob("*.py"):
        path.unlink()
    names: list[str] = []
    for number, body in enumerate(bodies, 1):
        upgrade, downgrade = body if isinstance(body, tuple) else (body, "pass")
        names.append(f"b{number:011d}")
        text = _file(names, upgrade, downgrade)
        (folder / f"{names[-1]}_written.py").write_text(text, encoding="utf-8")
    return names


def _file(names: Sequence[str], upgrade: str, downgrade: str) -> str:
    before = repr(names[-2]) if len(names) > 1 else "None"
    return (
        f'"""Written {names[-1]}."""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {names[-1]!r}\ndown_revision = {before}\nbranch_labels = None\ndepends_on = None\n\n\n"
        f"def upgrade():\n{_indented(upgrade)}\n\n\ndef downgrade():\n{_indented(downgrade)}\n"
    )


def _indented(body: str) -> str:
    return textwrap.indent(textwrap.dedent(body).strip() or "pass", "    ")


def line_of(path: Path, text: str) -> int:
    """Return the number of the line of a file that holds this text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
