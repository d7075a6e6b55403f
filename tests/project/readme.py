"""README.md taken apart: sections with their fenced blocks, tables, inline code, links."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.project.checkout import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT_CODE = re.compile(r"\s+# exit code (\d+)\b")

PROSE = _FENCE.sub("", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language, and the level-2 heading that it stands under."""

    section: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, the exit code that its comment promises, and what it should print where that is shown."""

    text: str
    exit_code: int = 0
    prints: tuple[str, ...] | None = None


def blocks(*languages: str) -> tuple[Block, ...]:
    """Return the fenced blocks of these languages, in order."""
    found = []
    for match in _FENCE.finditer(TEXT):
        headings = re.findall(r"^## (.+)$", _FENCE.sub("", TEXT[: match.start()]), re.MULTILINE)
        found.append(Block(section=headings[-1] if headings else "", language=match[1], text=match[2]))
    return tuple(one for one in found if one.language in languages)


def commands(section: str) -> tuple[Command, ...]:
    """Return what a section tells its reader to type, in order; the shell drops the comments itself."""
    found = []
    for block in blocks("sh", "console", "cron"):
        if block.section != section:
            continue
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.language == "console":
            found += _with_output(lines)
        elif block.language == "cron":
            found += [Command(text=line.split(maxsplit=5)[5]) for line in lines if not line.startswith("#")]
        else:
            for line in lines:
                promised = _EXIT_CODE.search(line)
                found.append(Command(text=line, exit_code=int(promised[1]) if promised else 0))
    return tuple(found)


def _with_output(lines: list[str]) -> list[Command]:
    found: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Command(text=line[2:], prints=()))
        else:
            last = found.pop()
            found.append(Command(text=last.text, prints=(*(last.prints or ()), line)))
    return found


def sections() -> tuple[str, ...]:
    """Return the sections that tell their reader to type something."""
    return tuple(dict.fromkeys(block.section for block in blocks("sh", "console", "cron")))


def table(first_column: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading; cells as they are written."""
    lines = PROSE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def code(text: str) -> list[str]:
    """Return the inline code of a text."""
    return re.findall(r"`([^`]+)`", text)


def anchors() -> set[str]:
    """Return what a link within the page can point at."""
    titles = re.findall(r"^#+ (.+)$", PROSE, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
