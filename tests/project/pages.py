"""The README and the pages of `docs/` taken apart: chapters with their fenced blocks, tables, inline code, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.project.checkout import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT_CODE = re.compile(r"\s+# (?:exit code|mã thoát) (\d+)\b")

TYPED = ("sh", "console", "cron")
"""The languages of blocks that a reader types, or has a scheduler type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language, and the chapter that it stands in."""

    chapter: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, the exit code that its comment promises, and what it should print where that is shown."""

    text: str
    exit_code: int = 0
    prints: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, by its path. What a chapter of it has one type happens in one place, one command after the other.

    A README is read by bits, so its chapters are its level-2 headings; another page is one chapter.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> tuple[Block, ...]:
        """Return the fenced blocks of these languages, in order."""
        found = []
        for match in _FENCE.finditer(self.text):
            headings = re.findall(r"^## (.+)$", _FENCE.sub("", self.text[: match.start()]), re.MULTILINE)
            chapter = headings[-1] if headings and self.name.startswith("README") else ""
            found.append(Block(chapter=chapter, language=match[1], text=match[2]))
        return tuple(one for one in found if one.language in languages)

    def chapters(self) -> tuple[str, ...]:
        """Return the chapters that tell their reader to type something."""
        return tuple(dict.fromkeys(block.chapter for block in self.blocks(*TYPED)))

    def commands(self, chapter: str) -> tuple[Command, ...]:
        """Return what a chapter tells its reader to type, in order; the shell drops the comments itself."""
        return tuple(
            command for block in self.blocks(*TYPED) if block.chapter == chapter for command in _commands(block)
        )

    def table(self, first_column: str) -> list[list[str]]:
        """Return the rows of the table whose first column has this heading; cells as they are written."""
        lines = self.prose.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
        rows = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        return rows

    def links(self) -> list[str]:
        """Return what the page links to, as it is written."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    def anchors(self) -> set[str]:
        """Return what a link into the page can point at."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def _commands(block: Block) -> list[Command]:
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return _with_output(lines)
    if block.language == "cron":
        return [Command(text=line.split(maxsplit=5)[5]) for line in lines if not line.startswith("#")]
    promised = [_EXIT_CODE.search(line) for line in lines]
    return [Command(text=line, exit_code=int(one[1]) if one else 0) for line, one in zip(lines, promised, strict=True)]


def _with_output(lines: list[str]) -> list[Command]:
    found: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Command(text=line[2:], prints=()))
        else:
            last = found.pop()
            found.append(Command(text=last.text, prints=(*(last.prints or ()), line)))
    return found


def code(text: str) -> list[str]:
    """Return the inline code of a text."""
    return re.findall(r"`([^`]+)`", text)


README = Page(name="README.md")
PAGES = tuple(
    Page(name=path.relative_to(ROOT).as_posix())
    for path in [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").glob("*.md"))]
)


def page(name: str) -> Page:
    """Return one page by its path."""
    return next(one for one in PAGES if one.name == name)


def everything() -> str:
    """Return the text of all pages, in one line, for figures that somebody has measured."""
    return " ".join(" ".join(one.text for one in PAGES).split())
