"""Targets: what their sections, `.env` and the environment say, resolved and checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ops import require
from ops.errors import SettingsError, UsageError
from ops.require import Require
from ops.settings import families, mariadb, projects, sqlite, urls
from ops.settings.files import PREFIX, Section, environment, ini_name, sections
from ops.settings.home import CHECKOUT, config_file, is_checkout
from ops.settings.projects import ProjectSettings
from ops.settings.templates import parts_of
from ops.settings.words import boolean, duration, seconds, several, size, word

_KEYS = (
    "url", "url_env", "protected", "config", "python", "x", "role", "lock_timeout", "statement_timeout", "driver",
    "cwd", "sys_path", "imports", "setup", "connection_attribute", "host", "redirect", "ledger", "baseline", "ignore",
    "scratch_url", "scratch_url_env", "lock_timeout_long", "statement_timeout_long", "max_rewrite",
    "scratch_url", "scratch_url_env", "direct_url", "direct_url_env", "require", "bootstrap",
)  # fmt: skip
_FAMILIES = ("env.", "option.", "section.", "url.", "url_env.")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a change. Times are as PostgreSQL writes them: a number with ms, s, min or h.

    The long ones are for what makes no reader and no writer wait: `lock_timeout_long` where only other schema changes
    and VACUUM do, `statement_timeout_long` for the time that index builds and VALIDATE CONSTRAINT take. `max_rewrite`:
    bytes that a transaction may write anew of existing tables; None for any number.
    """

    lock_timeout: str = "2s"
    statement_timeout: str = "0"
    lock_timeout_long: str = "30s"
    statement_timeout_long: str = "0"
    max_rewrite: int | None = None

    @property
    def lock_seconds(self) -> float:
        """The time that a change waits for a lock, in seconds."""
        return seconds(self.lock_timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target, resolved: which database, which project, which protection and limits.

    `raw_url` is the direct one where the section names one; `pooled_url` is then the other one. `others` are names and
    URLs of the other databases that the project's env.py opens.
    """

    name: str
    source: str
    protected: bool
    project: ProjectSettings
    home: Path
    limits: Limits = Limits()
    role: str | None = None
    ignore: tuple[str, ...] = ()
    embedded: bool = False
    require: Require = field(default_factory=Require)
    raw_url: str | None = field(default=None, repr=False)
    pooled_url: str | None = field(default=None, repr=False)
    ledger: str = "database"
    scratch_url: str | None = field(default=None, repr=False)
    others: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    section: Section | None = field(default=None, repr=False)

    def with_url(self, url: str) -> TargetSettings:
        """Return the same project at another database: an embedded one whose server runs now, or a copy.

        The project keeps the driver that its env.py was written for.
        """
        driver = self.project.driver
        if driver is None and self.raw_url is not None:
            driver = urls.driver_of(self.raw_url, source=self.source)
        if self.section is None:
            return replace(self, raw_url=url, project=replace(self.project, driver=driver))
        parts = _parts(self.section, url, self.others, driver, self.source)
        project = replace(projects.project(self.section, parts, driver), drafts=self.project.drafts)
        return replace(self, raw_url=url, project=project)

    @property
    def siblings(self) -> tuple[TargetSettings, ...]:
        """The other databases that the project's env.py opens, as targets: to look at."""
        family = self.section.family if self.section else self.name
        return tuple(
            replace(self, name=f"{family}.{name}", source=f"url.{name}", raw_url=url, others=(), section=None)
            for name, url in self.others
        )

    @property
    def dialect(self) -> str:
        """Which kind of database it is: `postgresql`, `mariadb` or `sqlite`."""
        return urls.kind_of(self.raw_url or "")

    @property
    def database(self) -> urls.Database:
        """Our URL. Raises SettingsError where it is malformed."""
        return urls.ours(self._url(), source=self.source)

    def project_url(self) -> str:
        """The project's URL, with its password: for the worker's standard input only."""
        return urls.project_url(self._url(), driver=self.project.driver, source=self.source)

    def variables(self) -> dict[str, str]:
        """Return what the project's own process has in its environment, passwords included.

        The variables that name the target's URL lead to where it works, a copy for instance, and not to where they led
        when we were started; so does `DATABASE_URL`, which many an env.py reads. What the section says comes over that.
        """
        values = self.section.values if self.section else {}
        found = {"DATABASE_URL": self.project_url()}
        for name, url in self.others:
            if variable := values.get(f"url_env.{name}"):
                found[variable] = urls.project_url(url, driver=self.project.driver, source=f"url.{name}")
        own = (values[key] for key in ("url_env", "direct_url_env") if values.get(key))
        return {**found, **dict.fromkeys(own, self.project_url()), **dict(self.project.environment)}

    def _url(self) -> str:
        if self.raw_url is None:
            raise SettingsError(
                f"The URL of {self.name!r} is known once the embedded server runs.",
                next_step=f"Use ops.target({self.name!r}), which starts it.",
            )
        return self.raw_url


def default_url(home: Path) -> str:
    """Return the URL that plain `alembic` uses: `DATABASE_URL`, else the embedded sandbox, which is started.

    It always speaks psycopg2, as Alembic's own command line needs a synchronous driver.
    """
    text = environment(home).get("DATABASE_URL")
    if not text:
        from ops import embedded, scratch

        text = scratch.ensure_database(embedded.server(home), "sandbox")
    if urls.kind_of(text) == mariadb.DIALECT:
        raise SettingsError(
            "DATABASE_URL leads to MariaDB, and the revisions of this repository are PostgreSQL's.",
            next_step="Set it to a URL that begins with postgresql://.",
        )
    return urls.ours(text, source="DATABASE_URL").url.render_as_string(hide_password=False)


def names(home: Path) -> tuple[str, ...]:
    """Return the names of all targets: `default`, the embedded ones, and the configured ones."""
    return tuple(dict.fromkeys(("default", *_embedded_names(), *sorted(_sections(home)))))


def _sections(home: Path) -> dict[str, Section]:
    """The targets that the files describe: one for each database."""
    found: dict[str, Section] = {}
    for section in sections(home).values():
        for one in families.members(section):
            if one.name in found:
                raise SettingsError(
                    f"{found[one.name]} and {one} both describe the target {one.name!r}.",
                    next_step="Rename one of the two.",
                )
            found[one.name] = one
    return found


def _embedded_names() -> tuple[str, ...]:
    # `demo` tells the story of this repository's own project, which no installation brings along.
    return ("sandbox", "demo") if is_checkout() else ("sandbox",)


def resolve(name: str, home: Path) -> TargetSettings:
    """Return one target.

    Raises
    ------
    UsageError
        Nobody configured that name.
    SettingsError
        Its section has an unknown key or a wrong value, its URL is malformed, or its `url_env` is unset.
    """
    written = _sections(home)
    variables = environment(home)
    if name in written:
        return _configured(written[name], home, variables)
    if name == "default":
        if variables.get("DATABASE_URL"):
            return _configured(Section(name, home / ".env", {"url_env": "DATABASE_URL"}), home, variables)
        return _embedded("sandbox", home)
    if name in _embedded_names():
        return _embedded(name, home)
    family = [one.name for one in written.values() if one.part and one.family == name]
    if family:
        raise UsageError(
            f"Target {name!r} is several databases, each with a plan of its own: {', '.join(family)}.",
            next_step="Name one of them.",
            code="several-databases",
        )
    known = names(home)
    raise UsageError(
        f"There is no target {name[:80]!r}.{_near(name, known)} There are: {', '.join(known)}.",
        next_step=f"Name one of them, or add a section [{PREFIX}NAME] to {ini_name(home)}.",
        code="unknown-target",
    )


def _embedded(name: str, home: Path) -> TargetSettings:
    # On the sandbox one practises with the project at hand.
    place = CHECKOUT if name == "demo" else home
    config = config_file(place) or config_file(CHECKOUT)
    if config is None:
        raise SettingsError(
            f"There is no Alembic project in {place}.",
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


def _configured(section: Section, home: Path, variables: Mapping[str, str]) -> TargetSettings:
    values = section.values
    families.refuse(section)
    for key in values:
        _check_key(key, section)
    url, source = _url(section, variables)
    kind = urls.kind_of(url)
    if kind == sqlite.DIALECT:
        sqlite.check_keys(values, section)
        url = sqlite.anchored(urls.parse(url, source=source), projects.runs_in(section), source)
    if kind == mariadb.DIALECT:
        mariadb.check_keys(values, section)
        mariadb.require_database(urls.ours(url, source=source).url, source)
    others = _others(section, url, source, variables)
    driver = values.get("driver")
    project = projects.project(section, _parts(section, url, others, driver, source), driver)
    limits = Limits(
        lock_timeout=duration(values, "lock_timeout", Limits().lock_timeout, section),
        statement_timeout=duration(values, "statement_timeout", Limits().statement_timeout, section, may_be_off=True),
        lock_timeout_long=_long(values, section),
        statement_timeout_long=duration(
            values, "statement_timeout_long", Limits().statement_timeout_long, section, may_be_off=True
        ),
        max_rewrite=size(values, "max_rewrite", section),
    )
    resolved = TargetSettings(
        name=section.name,
        source=source,
        protected=boolean(values, "protected", True, section),
        project=project,
        home=home,
        limits=limits,
        role=values.get("role") or None,
        ignore=several(values.get("ignore")),
        require=_require(section),
        raw_url=url,
        ledger=word(values, "ledger", ("database", "file"), section) or _usual_ledger(kind),
        scratch_url=_scratch_url(section, variables, kind),
        others=others,
        section=section,
    )
    direct = _named_url(section, variables, "direct_url", "direct_url_env")
    if direct is None:
        return resolved
    _require_kind(direct, kind, section)
    return replace(resolved.with_url(direct[0]), source=direct[1], pooled_url=url)


def _others(section: Section, url: str, source: str, variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The other databases that env.py opens: names and URLs."""
    found = []
    seen = {urls.ours(url, source=source).url: section.part}
    for name in families.siblings(section):
        named = _named_url(section, variables, f"url.{name}", f"url_env.{name}")
        assert named is not None  # one of the two keys has that name
        sqlite.refuse_sibling(named[0], section)
        mariadb.refuse_sibling(named[0], section)
        same = seen.setdefault(urls.ours(named[0], source=named[1]).url, name)
        if same != name:
            raise SettingsError(
                f"{section}: {same} and {name} are the same database.",
                next_step="Give each a database of its own: a revision would run twice in that one.",
            )
        found.append((name, named[0]))
    return tuple(found)


def _parts(
    section: Section, url: str, others: tuple[tuple[str, str], ...], driver: str | None, source: str
) -> dict[str, str]:
    """What the templates of a section stand for."""
    parts = parts_of(url, driver=driver, source=source)
    if section.part:
        parts[f"url.{section.part}"] = parts["url"]
    for name, other in others:
        parts[f"url.{name}"] = urls.project_url(other, driver=driver, source=f"url.{name} of {section}")
    return parts


def _require(section: Section) -> Require:
    try:
        return require.parse(several(section.values.get("require")))
    except ValueError as error:
        raise SettingsError(
            f"{section}: require: {str(error)[:500]}.",
            next_step="Correct that line; comments stand on lines of their own.",
        ) from None


def _long(values: Mapping[str, str], section: Section) -> str:
    """The longer lock timeout: where nobody wrote one, at least as long as the short one."""
    usual = Limits().lock_timeout_long
    own = values.get("lock_timeout", "")
    default = own if seconds(own) > seconds(usual) else usual
    return duration(values, "lock_timeout_long", default, section)


def _usual_ledger(kind: str) -> str:
    return "database" if kind == "postgresql" else "file"


def _scratch_url(section: Section, variables: Mapping[str, str], kind: str) -> str | None:
    found = _named_url(section, variables, "scratch_url", "scratch_url_env")
    if found is None:
        return None
    _require_kind(found, kind, section)
    return found[0]


def _require_kind(named: tuple[str, str], kind: str, section: Section) -> None:
    """Return where a further URL of a section leads to the same kind of database as its first."""
    url, source = named
    urls.ours(url, source=source)
    if urls.kind_of(url) != kind:
        raise SettingsError(
            f"{section}: {source} leads to another kind of database than the target.",
            next_step="Correct that URL: it is of a server like the target's own.",
        )


def _check_key(key: str, section: Section) -> None:
    if key in _KEYS or any(key.startswith(family) and key != family for family in _FAMILIES):
        return
    raise SettingsError(
        f"{section} has the key {key!r}, which nobody knows.{_near(key, (*_KEYS, *_FAMILIES))}",
        next_step="Correct or remove that line.",
    )


def _url(section: Section, variables: Mapping[str, str]) -> tuple[str, str]:
    found = _named_url(section, variables, "url", "url_env")
    if found is None:
        raise SettingsError(
            f"{section} has neither url nor url_env.", next_step="Add url_env = NAME, and set NAME in .env."
        )
    return found


def _named_url(section: Section, variables: Mapping[str, str], key: str, by_name: str) -> tuple[str, str] | None:
    """The URL of a key, or of the variable that its other key names, and where it came from; None for neither."""
    values = section.values
    if key in values and by_name in values:
        raise SettingsError(f"{section} has both {key} and {by_name}.", next_step="Keep one of them.")
    if key in values:
        return values[key], f"{key} of {section}"
    variable = values.get(by_name)
    if not variable:
        return None
    if not _VARIABLE.match(variable):
        raise SettingsError(
            f"{section}: {by_name} = {variable[:80]!r} is no name of an environment variable.",
            next_step="Write the name alone; a comment stands on a line of its own.",
        )
    if not variables.get(variable):
        what = "its URL" if key == "url" else key
        raise SettingsError(
            f"Target {section.name!r} takes {what} from the environment variable {variable}, which is not set.",
            next_step=f"Set {variable} in the environment, or in .env beside {section.file.name}.",
            code="url-unset",
        )
    return variables[variable], f"{variable}, which target {section.name!r} uses,"


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, [one for one in known if one != word], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
