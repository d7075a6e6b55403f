"""What is written down: the sections of `alembic.ini` and `ops.ini`, and the variables of `.env`."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ops.errors import SettingsError, first_line
from ops.secrets import remember

PREFIX = "ops:target:"

_NAME = re.compile(r"(?![.-])[A-Za-z0-9_.-]{1,63}\Z")
_SECRETIVE = re.compile(r"PASSW|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIAL", re.IGNORECASE)
_LEAST = 8
"""A shorter value of such a variable is rather a number or a name than a secret."""
_PASSWORD_IN_URL = re.compile(r"\w://([^\s:/@]*):([^@\s]+)@")
_NO_SECTION = "\0"  # [DEFAULT] is a section like any other: its keys are Alembic's


@dataclass(frozen=True, slots=True)
class Section:
    """One `[ops:target:NAME]` section, as it is written; or what it says of one database of several, named `part`."""

    name: str
    file: Path
    values: Mapping[str, str]
    part: str = ""

    def __str__(self) -> str:
        return f"[{PREFIX}{self.family or self.name}] in {self.file.name}"

    @property
    def family(self) -> str:
        """The name of the section, where it has several databases."""
        return self.name.removesuffix(f".{self.part}") if self.part else ""


def ini_name(home: Path) -> str:
    """Return the file in which a target is to be written down."""
    return "alembic.ini" if (home / "alembic.ini").is_file() else "ops.ini"


def sections(home: Path) -> dict[str, Section]:
    """Return the targets that `alembic.ini` and `ops.ini` describe, by their names.

    Raises
    ------
    SettingsError
        A file cannot be read, or a name is none, or is used twice.
    """
    found: dict[str, Section] = {}
    for file in (home / "alembic.ini", home / "ops.ini"):
        if not os.path.isfile(file):
            continue
        for name, values in _targets_in(file):
            if not _NAME.match(name):
                raise SettingsError(
                    f"{file.name} names a target {name[:80]!r}; names are letters, digits, '_', '.' and '-', and "
                    "begin with a letter, a digit or '_'.",
                    next_step="Rename the section.",
                )
            if name in found:
                raise SettingsError(
                    f"Both {found[name].file.name} and {file.name} describe the target {name!r}.",
                    next_step="Keep one of the two sections.",
                )
            found[name] = Section(name, file, values)
    return found


def _targets_in(file: Path) -> list[tuple[str, dict[str, str]]]:
    # Raw and case-keeping: a `%` in a URL is literal, and env.NAME keeps its case.
    parser = configparser.RawConfigParser(strict=True, default_section=_NO_SECTION)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        text = file.read_text(encoding="utf-8-sig")
        if "\0" in text:  # which no server and no file name takes
            raise configparser.Error("it holds a NUL byte")
        parser.read_string(text, source=file.name)
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        # Not the whole message: it repeats lines of the file, which may hold a URL.
        raise SettingsError(
            f"{file.name} cannot be read: {_why(error)}.",
            next_step=f"Correct {file.name}; each target needs one section, in UTF-8.",
        ) from None
    return [
        (name.removeprefix(PREFIX), dict(parser.items(name))) for name in parser.sections() if name.startswith(PREFIX)
    ]


def environment(home: Path) -> Mapping[str, str]:
    """Return `.env` overlaid with the process's environment, which wins.

    What they hold of secrets is remembered: also another target's, which a traceback might show.

    Raises
    ------
    SettingsError
        `.env` cannot be read.
    """
    file = home / ".env"
    values = dict(os.environ)
    if os.path.isfile(file):
        from dotenv import dotenv_values

        try:
            from_file = dotenv_values(file)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{file} cannot be read: {_why(error)}.", next_step="Make it a readable text file in UTF-8."
            ) from None
        values = {**{name: value for name, value in from_file.items() if value is not None}, **values}
    for name, value in values.items():
        for match in _PASSWORD_IN_URL.finditer(value):
            remember(unquote(match[2]), public=(match[1],))
        if (_SECRETIVE.search(name) and len(value) >= _LEAST) or name == "PGPASSWORD":
            remember(value)
    return values


def _why(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) else first_line(error)
