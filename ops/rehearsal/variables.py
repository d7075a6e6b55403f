"""The environment of a program that is to find a copy, and not the database that it is a copy of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from ops import scratch
from ops.errors import SettingsError
from ops.settings import TargetSettings, ours
from ops.settings.files import sections
from ops.settings.urls import PORT, host_of

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_OURS = ("PG", "OPS_", "JPY_")
_URL_KEYS = ("url_env", "direct_url_env", "scratch_url_env")
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_LEAST = 4
"""A shorter password is found in too much that has nothing to do with it."""

_LIBPQ = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD", "passfile": "PGPASSFILE", "service": "PGSERVICE", "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL", "connect_timeout": "PGCONNECT_TIMEOUT", "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE", "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip


def of_copy(there: TargetSettings, live: TargetSettings) -> dict[str, str]:
    """Return the environment for a program that works on a copy of `live`, which `there` leads to.

    `DATABASE_URL`, the variable that names the target's URL, and what the section gives env.py lead to the copy, with
    the project's driver; `OPS_COPY_URL` is the same as libpq writes URLs, and libpq's own variables say it as well.
    Left out is what names another target's URL, and any value that holds the password of `live`, its host, or a URL
    that leads there. What the program reads from a file of its own is not ours to keep from it.
    """
    given = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    given |= dict(there.project.environment)
    for name in _named(live):
        given.pop(name, None)
    found = {name: value for name, value in given.items() if not _leads_to(value, live)}
    url = there.database.url
    is_file = there.dialect == "sqlite"
    plain = there.project_url() if is_file else url.set(drivername="postgresql").render_as_string(hide_password=False)
    libpq = {} if is_file else scratch.options(url)
    values = live.section.values if live.section is not None else {}
    # set and not only left out: what reads a file of variables keeps those that are there
    own = [values[key] for key in ("url_env", "direct_url_env") if values.get(key)]
    return {
        **found,
        **{_LIBPQ[name]: value for name, value in libpq.items() if name in _LIBPQ},
        **{name: there.project_url() for name in ("DATABASE_URL", *own)},
        "OPS_COPY_URL": plain,
    }


def _named(live: TargetSettings) -> Iterable[str]:
    """Variables that sections name as holding a URL."""
    for section in sections(live.home).values():
        yield from (section.values[key] for key in _URL_KEYS if section.values.get(key))


def _leads_to(value: str, live: TargetSettings) -> bool:
    urls = [ours(one).url for one in (live.raw_url, live.pooled_url) if one is not None]
    for url in urls:
        password, host = str(url.password or ""), host_of(url)
        if len(password) >= _LEAST and (password in value or quote(password, safe="") in value):
            return True
        if host not in _LOCAL and (value == host or value.startswith(f"{host}:")):
            return True
    return "://" in value and any(_same(value, url) for url in urls)


def _same(text: str, url: URL) -> bool:
    """Whether a text is a URL of the same database; one that we cannot read is, where it names host and database."""
    try:
        return _place(ours(text).url) == _place(url)
    except SettingsError:
        return all(one in text for one in _place(url) if one)


def _place(url: URL) -> tuple[str, str, str]:
    options = scratch.options(url)
    return options.get("host", ""), options.get("port", str(PORT)), options.get("dbname", "")
