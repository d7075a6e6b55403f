"""Targets from the `[ops:target:NAME]` sections of `alembic.ini` or `ops.ini`, from `.env` and the environment."""

from __future__ import annotations

import configparser
import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import SettingsError, UsageError
from ops.settings import urls
from ops.settings.home import CHECKOUT, config_file
from ops.settings.secrets import remember

EMBEDDED = ("sandbox", "demo")
"""Targets that are always there: databases of the embedded server."""

_SECTION = "ops:target:"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}\Z")
_SECRETIVE = re.compile(r"PASS|SECRET|TOKEN|KEY", re.IGNORECASE)
_DURATION = re.compile(r"\d+(ms|s|min|h)?\Z")
_KEYS = {
    "url", "url_env", "direct_url_env", "protected", "config", "python", "x", "role", "lock_timeout",
    "statement_timeout", "driver", "cwd", "sys_path", "imports", "setup", "connection_attribute", "host",
    "redirect", "ledger",
}  # fmt: skip
_KEY_FAMILIES = ("env.", "option.", "section.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Time limits of a change, as PostgreSQL writes them: a number with ms, s, min or h."""

    lock_timeout: str = "2s"
    statement_timeout: str = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """How the Alembic project of a target is reached and run."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target, resolved: which database, which project, which protection and limits."""

    name: str
    source: str
    protected: bool
    project: ProjectSettings
    home: Path
    limits: Limits = Limits()
    role: str | None = None
    embedded: bool = False
    raw_url: str | None = field(default=None, repr=False)

    def with_url(self, url: str) -> TargetSettings:
        """Return the same target at a URL: an embedded one gets its own when its server runs."""
        from dataclasses import replace

        return replace(self, raw_url=url)

    @property
    def database(self) -> urls.Database:
        """Our URL. Raises SettingsError where it is malformed."""
        return urls.ours(self._url(), source=self.source)

    def project_url(self) -> str:
        """The project's URL, with its password: for the worker's standard input only."""
        return urls.project_url(self._url(), driver=self.project.driver, source=self.source)

    def _url(self) -> str:
        if self.raw_url is None:
            raise SettingsError(
                f"The URL of {self.name!r} is known once the embedded server runs.",
                next_step=f"Use ops.target({self.name!r}), which starts it.",
            )
        return self.raw_url


def environment(home: Path) -> Mapping[str, str]:
    """Return `.env` overlaid with the process's environment, which wins."""
    file = home / ".env"
    if not file.is_file():
        return dict(os.environ)
    from dotenv import dotenv_values

    from_file = {key: value for key, value in dotenv_values(file).items() if value is not None}
    for key, value in from_file.items():
        if _SECRETIVE.search(key):
            remember(value)
    return {**from_file, **os.environ}


def default_url(home: Path) -> str:
    """Return the URL that plain `alembic` uses: `DATABASE_URL`, else the embedded sandbox, which is started.

    It always speaks psycopg2, as Alembic's own command line needs a synchronous driver.
    """
    text = environment(home).get("DATABASE_URL")
    if not text:
        from ops import embedded, scratch

        text = scratch.ensure_database(embedded.server(home), "sandbox")
    return urls.ours(text, source="DATABASE_URL").url.render_as_string(hide_password=False)


def names(home: Path) -> tuple[str, ...]:
    """Return the names of all targets: `default`, the embedded ones, and the configured ones."""
    return tuple(dict.fromkeys(("default", *EMBEDDED, *sorted(_sections(home)))))


def resolve(name: str, home: Path) -> TargetSettings:
    """Return one target.

    Raises
    ------
    UsageError
        Nobody configured that name.
    SettingsError
        Its section has an unknown key or a wrong value, or its `url_env` is unset.
    """
    sections = _sections(home)
    env = environment(home)
    if name in sections:
        return _configured(name, sections[name], home, env)
    if name == "default":
        if env.get("DATABASE_URL"):
            return _configured(name, _Section(home / ".env", {"url_env": "DATABASE_URL"}), home, env)
        return _embedded("sandbox", home)
    if name in EMBEDDED:
        return _embedded(name, home)
    known = names(home)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"There is no target {name[:80]!r}.{hint} There are: {', '.join(known)}.",
        next_step=f"Name one of them, or add a section [{_SECTION}NAME] to {_ini_name(home)}.",
        code="unknown-target",
    )


@dataclass(frozen=True, slots=True)
class _Section:
    file: Path
    values: Mapping[str, str]


def _ini_name(home: Path) -> str:
    return "alembic.ini" if (home / "alembic.ini").is_file() else "ops.ini"


def _sections(home: Path) -> dict[str, _Section]:
    found: dict[str, _Section] = {}
    for file in (home / "alembic.ini", home / "ops.ini"):
        if not file.is_file():
            continue
        # Raw and case-keeping: a `%` in a URL is literal, and env.NAME keeps its case.
        parser = configparser.RawConfigParser(strict=True)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read_string(file.read_text(encoding="utf-8"), source=file.name)
        except (configparser.Error, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise SettingsError(
                f"{file.name} cannot be read: {first}",
                next_step=f"Correct {file.name}; each target needs a section.",
            ) from None
        for section in parser.sections():
            if section.startswith(_SECTION):
                name = section.removeprefix(_SECTION)
                if not _NAME.match(name):
                    raise SettingsError(
                        f"{file.name} names a target {name!r}; names are letters, digits, '_', '.' and '-'.",
                        next_step="Rename the section.",
                    )
                values = {key: value for key, value in parser.items(section) if key not in parser.defaults()}
                found[name] = _Section(file, values)
    return found


def _embedded(name: str, home: Path) -> TargetSettings:
    # `demo` tells this repository's own story; on the sandbox one practises with the project at hand.
    folder = CHECKOUT if name == "demo" else home
    config = config_file(folder) or config_file(CHECKOUT)
    if config is None:
        raise SettingsError(
            f"There is no Alembic project in {folder}.",
            next_step="Run from a folder that has an alembic.ini.",
        )
    return TargetSettings(
        name=name,
        source="the embedded server",
        protected=False,
        project=ProjectSettings(config=config),
        home=home,
        embedded=True,
    )


def _configured(name: str, section: _Section, home: Path, env: Mapping[str, str]) -> TargetSettings:
    values = section.values
    where = f"[{_SECTION}{name}] in {section.file.name}"
    for key in values:
        if key not in _KEYS and not key.startswith(_KEY_FAMILIES):
            near = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise SettingsError(
                f"{where} has the key {key!r}, which nobody knows.{hint}",
                next_step="Correct or remove that line.",
            )
    url, source = _url(name, values, where, env)
    config = _path(values.get("config"), section.file.parent) or config_file(section.file.parent)
    if config is None or not config.is_file():
        raise SettingsError(
            f"{where}: there is no Alembic config file {str(config or 'alembic.ini')!r}.",
            next_step="Set `config` to the project's alembic.ini or pyproject.toml, relative to this file.",
        )
    for key in ("lock_timeout", "statement_timeout"):
        if key in values and not _DURATION.match(values[key]):
            raise SettingsError(
                f"{where}: {key} = {values[key]!r} is no duration.",
                next_step="Write it as 500ms, 2s, 5min or 1h.",
            )
    parts = _parts(url, source)
    project = ProjectSettings(
        config=config,
        python=_interpreter(values.get("python"), section.file.parent, where),
        cwd=_path(values.get("cwd"), section.file.parent),
        sys_path=tuple(str(_path(one, section.file.parent)) for one in _several(values.get("sys_path"))),
        imports=_several(values.get("imports")),
        setup=values.get("setup"),
        x=_several(values.get("x")),
        environment=_templates("env.", values, parts, where),
        options=_templates("option.", values, parts, where),
        section_options=_section_templates(values, parts, where),
        connection_attribute=_boolean(values, "connection_attribute", False, where),
        host=values.get("host"),
        redirect=_boolean(values, "redirect", False, where),
        driver=values.get("driver"),
    )
    limits = Limits(**{key: values[key] for key in ("lock_timeout", "statement_timeout") if key in values})
    return TargetSettings(
        name=name,
        source=source,
        protected=_boolean(values, "protected", True, where),
        project=project,
        home=home,
        limits=limits,
        role=values.get("role") or None,
        raw_url=url,
    )


def _url(name: str, values: Mapping[str, str], where: str, env: Mapping[str, str]) -> tuple[str, str]:
    if "url" in values and "url_env" in values:
        raise SettingsError(f"{where} has both url and url_env.", next_step="Keep one of them.")
    if "url" in values:
        return values["url"], f"url of {where}"
    variable = values.get("url_env")
    if not variable:
        raise SettingsError(
            f"{where} has neither url nor url_env.", next_step="Add url_env = NAME, and set NAME in .env."
        )
    if not env.get(variable):
        raise SettingsError(
            f"Target {name!r} takes its URL from the environment variable {variable}, which is not set.",
            next_step=f"Set {variable} in the environment or in .env beside alembic.ini.",
            code="url-unset",
        )
    return env[variable], f"{variable}, which target {name!r} uses,"


def _parts(text: str, source: str) -> dict[str, str]:
    url = urls.parse(text, source=source)
    host = url.host or str(url.query.get("host") or "")
    return {
        "url": urls.project_url(text, source=source),
        "user": url.username or "",
        "password": url.password or "",
        "host": host,
        "port": str(url.port or url.query.get("port") or 5432),
        "database": url.database or "",
    }


def _fill(template: str, parts: Mapping[str, str], where: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise SettingsError(
                f"{where}: the template {{{match[1]}}} is not one of {', '.join(parts)}.",
                next_step="Correct the template.",
            )
        return parts[match[1]]

    return re.sub(r"\{(\w+)\}", value, template)


def _templates(
    prefix: str, values: Mapping[str, str], parts: Mapping[str, str], where: str
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key.removeprefix(prefix), _fill(value, parts, where))
        for key, value in values.items()
        if key.startswith(prefix)
    )


def _section_templates(
    values: Mapping[str, str], parts: Mapping[str, str], where: str
) -> tuple[tuple[str, str, str], ...]:
    found = []
    for key, value in _templates("section.", values, parts, where):
        section, dot, option = key.rpartition(".")
        if not dot:
            raise SettingsError(
                f"{where}: section.{key} needs an option.", next_step="Write section.NAME.OPTION = value."
            )
        found.append((section, option, value))
    return tuple(found)


def _several(value: str | None) -> tuple[str, ...]:
    return tuple(line.strip() for line in (value or "").splitlines() if line.strip())


def _path(value: str | None, beside: Path) -> Path | None:
    return (beside / Path(value).expanduser()).absolute() if value else None


def _interpreter(value: str | None, beside: Path, where: str) -> str | None:
    path = _path(value, beside)
    if path is None:
        return None
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise SettingsError(
            f"{where}: python = {value!r} is not an executable file.",
            next_step="Point it at the application's interpreter, for example ../shop/.venv/bin/python.",
        )
    return str(path)


def _boolean(values: Mapping[str, str], key: str, default: bool, where: str) -> bool:
    word = values.get(key)
    if word is None:
        return default
    known = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if word.strip().lower() not in known:
        raise SettingsError(f"{where}: {key} = {word!r} is neither true nor false.", next_step="Write true or false.")
    return known[word.strip().lower()]
