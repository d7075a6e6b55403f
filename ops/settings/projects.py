"""How the Alembic project of a target is reached and run, as its section says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import SettingsError
from ops.settings.files import Section
from ops.settings.home import config_file
from ops.settings.templates import filled
from ops.settings.words import boolean, command, folder, function, interpreter, path, several, word


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """How the Alembic project of a target is reached and run.

    `drafts` are folders with version files that do not stand where they belong yet; no section names them. `part` is
    the name that env.py has for the target's database, where it migrates several.
    """

    config: Path
    python: str | None = None
    cwd: Path | None = None
    sys_path: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    setup: str | None = None
    x: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    section_options: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    connection_attribute: bool = False
    host: str | None = None
    redirect: bool = False
    driver: str | None = None
    baseline: Path | None = None
    bootstrap: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    part: str = ""


def project(section: Section, parts: Mapping[str, str], driver: str | None) -> ProjectSettings:
    """Return what a section says of its project; `parts` is what its templates stand for.

    Raises
    ------
    SettingsError
        There is no config file, or a value is wrong.
    """
    values = section.values
    beside = section.file.parent
    return ProjectSettings(
        config=_config(section),
        python=interpreter(values, "python", beside, section),
        cwd=folder(values, "cwd", beside, section),
        sys_path=tuple(str(path(one, beside)) for one in several(values.get("sys_path"))),
        imports=several(values.get("imports")),
        setup=function(values, "setup", section),
        x=several(values.get("x")),
        environment=filled("env.", values, parts, section),
        options=filled("option.", values, parts, section),
        section_options=(*_named_sections(parts), *_section_options(values, parts, section)),
        connection_attribute=boolean(values, "connection_attribute", False, section),
        host=word(values, "host", ("anyio",), section),
        redirect=boolean(values, "redirect", False, section),
        driver=driver,
        baseline=_baseline(values, beside, section),
        bootstrap=_bootstrap(values, section),
        part=section.part,
    )


def runs_in(section: Section) -> Path:
    """Return the folder in which the project's env.py is run. Raises as `project` does."""
    return folder(section.values, "cwd", section.file.parent, section) or _config(section).parent


def _config(section: Section) -> Path:
    beside = section.file.parent
    config = path(section.values.get("config"), beside) or config_file(beside)
    if config is None or not os.path.isfile(config):
        raise SettingsError(
            f"{section}: there is no Alembic config file {str(config or 'alembic.ini')[:300]!r}.",
            next_step="Set `config` to the project's alembic.ini or pyproject.toml, relative to this file.",
        )
    return config


def _named_sections(parts: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """Where the env.py of Alembic's `multidb` template looks for its URLs."""
    return tuple(
        (key.removeprefix("url."), "sqlalchemy.url", url) for key, url in parts.items() if key.startswith("url.")
    )


def _baseline(values: Mapping[str, str], beside: Path, section: Section) -> Path | None:
    file = path(values.get("baseline"), beside)
    if file is not None and not os.path.isfile(file):
        raise SettingsError(
            f"{section}: baseline = {values['baseline'][:200]!r} is not a file.",
            next_step="Point it at an SQL file with the schema that the history starts from.",
        )
    return file


def _bootstrap(values: Mapping[str, str], section: Section) -> tuple[str, ...]:
    if values.get("bootstrap") and values.get("baseline"):
        raise SettingsError(f"{section} has both baseline and bootstrap.", next_step="Keep one of them.")
    return command(values, "bootstrap", section)


def _section_options(
    values: Mapping[str, str], parts: Mapping[str, str], section: Section
) -> tuple[tuple[str, str, str], ...]:
    found = []
    for key, value in filled("section.", values, parts, section):
        name, _, option = key.rpartition(".")
        if not (name and option):
            raise SettingsError(
                f"{section}: section.{key} needs a section and an option.",
                next_step="Write section.NAME.OPTION = value.",
            )
        found.append((name, option, value))
    return tuple(found)
