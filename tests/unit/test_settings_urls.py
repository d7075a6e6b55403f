"""A target's two URLs, and what is said of text that is none."""

from __future__ import annotations

import traceback
from typing import Any

import psycopg2.extensions
import pytest
from sqlalchemy import make_url

from ops.errors import SettingsError
from ops.settings import ours, project_url
from ops.settings.urls import _LIBPQ

PG = "postgresql+psycopg2"

OURS = {
    "postgresql": ("postgresql://me:pw@h/d", f"{PG}://me:***@h/d", ()),
    "postgres": ("postgres://me:pw@h:6543/d", f"{PG}://me:***@h:6543/d", ()),
    "psycopg2": ("postgresql+psycopg2://h/d?sslmode=require", f"{PG}://h/d?sslmode=require", ()),
    "psycopg 3": ("postgresql+psycopg://h/d?prepare_threshold=0", f"{PG}://h/d", ("prepare_threshold",)),
    "psycopg 3, asynchronous": ("postgresql+psycopg_async://h/d", f"{PG}://h/d", ()),
    "postgres with a driver": ("postgres+asyncpg://h/d", f"{PG}://h/d", ()),
    "asyncpg": ("postgresql+asyncpg://h/d", f"{PG}://h/d", ()),
    "ssl=require": ("postgresql+asyncpg://h/d?ssl=require", f"{PG}://h/d?sslmode=require", ()),
    "ssl=true": ("postgresql+asyncpg://h/d?ssl=true", f"{PG}://h/d?sslmode=require", ()),
    "ssl=False": ("postgresql+asyncpg://h/d?ssl=False", f"{PG}://h/d?sslmode=disable", ()),
    "ssl=verify-full": ("postgresql+asyncpg://h/d?ssl=verify-full", f"{PG}://h/d?sslmode=verify-full", ()),
    "ssl=verify_ca": ("postgresql+asyncpg://h/d?ssl=verify_ca", f"{PG}://h/d?sslmode=verify-ca", ()),
    "asyncpg, timeout": ("postgresql+asyncpg://h/d?timeout=2.6", f"{PG}://h/d?connect_timeout=3", ()),
    "asyncpg, its own options": (
        "postgresql+asyncpg://h/d?command_timeout=5&prepared_statement_cache_size=0&direct_tls=true",
        f"{PG}://h/d",
        ("command_timeout", "direct_tls", "prepared_statement_cache_size"),
    ),
    "pg8000": ("postgresql+pg8000://h/d?application_name=shop", f"{PG}://h/d?application_name=shop", ()),
    "pg8000, socket": (
        "postgresql+pg8000://me@/d?unix_sock=/run/pg/.s.PGSQL.5433",
        f"{PG}://me@/d?host=%2Frun%2Fpg&port=5433",
        (),
    ),
    "socket": ("postgresql:///d?host=/run/pg", f"{PG}:///d?host=%2Frun%2Fpg", ()),
    "socket, in the host": ("postgresql://me:pw@%2Frun%2Fpg:5433/d", f"{PG}://me:***@:5433/d?host=%2Frun%2Fpg", ()),
    "asyncpg, socket": (
        "postgresql+asyncpg://me:pw@/d?host=/run/pg&port=5433",
        f"{PG}://me:***@/d?host=%2Frun%2Fpg&port=5433",
        (),
    ),
    "IPv6": ("postgresql://me:pw@[::1]:5433/d", f"{PG}://me:***@[::1]:5433/d", ()),
    "service": ("postgresql:///?service=staging", f"{PG}:///?service=staging", ()),
    "several hosts": (
        "postgresql://me:pw@a:1,b:2/d?target_session_attrs=read-write",
        f"{PG}://me:***@/d?host=a%3A1&host=b%3A2&target_session_attrs=read-write",
        (),
    ),
    "several hosts, no port": ("postgresql://a,b/d", f"{PG}:///d?host=a%3A5432&host=b%3A5432", ()),
    "several hosts, options": ("postgresql:///d?host=a:1&host=b:2", f"{PG}:///d?host=a%3A1&host=b%3A2", ()),
    "password with signs": ("postgresql://me:%40%3A%2F%25%23@h/d", f"{PG}://me:***@h/d", ()),
    "password in the options": (
        "postgresql://h/d?user=me&password=pw&sslpassword=x",
        f"{PG}://h/d?password=***&sslpassword=***&user=me",
        (),
    ),
    "database name with signs": ("postgresql://h/a%20%C3%B6%2Fb", f"{PG}://h/a %C3%B6/b", ()),
    "spaces around": ("  postgresql://h/d \n", f"{PG}://h/d", ()),
    "what libpq does not know": ("postgresql://h/d?foo=bar", f"{PG}://h/d", ("foo",)),
    "options for the server": (
        "postgresql://h/d?options=-c%20search_path%3Dx",
        f"{PG}://h/d?options=-c+search_path%3Dx",
        (),
    ),
}


@pytest.mark.parametrize(("text", "shown", "untranslated"), OURS.values(), ids=OURS)
def test_ours(text: str, shown: str, untranslated: tuple[str, ...]) -> None:
    database = ours(text)

    assert str(database) == shown
    assert repr(database) == f"Database({shown!r})"
    assert database.untranslated == untranslated


# What the driver's connect() is called with, by SQLAlchemy's own dialect.
PROJECTS = {
    "bare is psycopg2": (
        "postgresql://me:p%40w@h/d",
        None,
        ("psycopg2", {"host": "h", "dbname": "d", "user": "me", "password": "p@w"}),
    ),
    "asyncpg stays": (
        "postgresql+asyncpg://me:p%40w@h/d?ssl=require&prepared_statement_cache_size=0",
        None,
        (
            "asyncpg",
            {
                "host": "h",
                "database": "d",
                "user": "me",
                "password": "p@w",
                "ssl": "require",
                "prepared_statement_cache_size": 0,
            },
        ),
    ),
    "asyncpg, libpq's word": (
        "postgresql+asyncpg://h/d?sslmode=require",
        None,
        ("asyncpg", {"host": "h", "database": "d", "ssl": "require"}),
    ),
    "asyncpg, ssl=true": (
        "postgresql+asyncpg://h/d?ssl=true",
        None,
        ("asyncpg", {"host": "h", "database": "d", "ssl": "require"}),
    ),
    "asyncpg, socket": (
        "postgresql+asyncpg:///d?host=/run/pg&port=5433",
        None,
        ("asyncpg", {"database": "d", "host": "/run/pg", "port": 5433}),
    ),
    "asyncpg for psycopg2": (
        "postgresql+asyncpg://h/d?ssl=verify-full&command_timeout=3",
        "psycopg2",
        ("psycopg2", {"host": "h", "dbname": "d", "sslmode": "verify-full"}),
    ),
    "psycopg2 for asyncpg": (
        "postgresql://me:pw@h:1/d?sslmode=require&application_name=x&connect_timeout=3&keepalives=1",
        "asyncpg",
        ("asyncpg", {"host": "h", "port": 1, "database": "d", "user": "me", "password": "pw", "ssl": "require"}),
    ),
    "socket for asyncpg": (
        "postgresql://me@/d?host=/run/pg&port=5433",
        "asyncpg",
        ("asyncpg", {"database": "d", "user": "me", "host": "/run/pg", "port": 5433}),
    ),
    "socket in the host": (
        "postgresql+asyncpg://me@%2Frun%2Fpg:5433/d",
        None,
        ("asyncpg", {"database": "d", "user": "me", "host": "/run/pg", "port": 5433}),
    ),
    "several hosts for asyncpg": (
        "postgresql://a,b:2/d",
        "asyncpg",
        ("asyncpg", {"database": "d", "host": ["a", "b"], "port": [5432, 2]}),
    ),
    "several hosts": ("postgresql://a,b:2/d", None, ("psycopg2", {"dbname": "d", "host": "a,b", "port": "5432,2"})),
    "psycopg2 for psycopg": (
        "postgresql+psycopg2://h/d?sslmode=require",
        "psycopg",
        ("psycopg", {"host": "h", "dbname": "d", "sslmode": "require"}),
    ),
    "psycopg for psycopg2": (
        "postgresql+psycopg://h/d?application_name=x",
        "psycopg2",
        ("psycopg2", {"host": "h", "dbname": "d", "application_name": "x"}),
    ),
    "socket for pg8000": (
        "postgresql://me@/d?host=/run/pg&port=5433",
        "pg8000",
        ("pg8000", {"database": "d", "user": "me", "unix_sock": "/run/pg/.s.PGSQL.5433"}),
    ),
    "pg8000 for psycopg2": (
        "postgresql+pg8000://me@/d?unix_sock=/run/pg/.s.PGSQL.5433",
        "psycopg2",
        ("psycopg2", {"dbname": "d", "user": "me", "host": "/run/pg", "port": "5433"}),
    ),
    "sslmode=prefer for pg8000": (
        "postgresql://h/d?sslmode=prefer",
        "pg8000",
        ("pg8000", {"host": "h", "database": "d"}),
    ),
    "service": ("postgresql:///?service=staging", None, ("psycopg2", {"service": "staging"})),
    "user in the options": (
        "postgresql://h/?user=me&dbname=d",
        "asyncpg",
        ("asyncpg", {"host": "h", "user": "me", "database": "d"}),
    ),
}


@pytest.mark.parametrize(("text", "driver", "expected"), PROJECTS.values(), ids=PROJECTS)
def test_the_projects_url_is_one_that_its_driver_takes(
    text: str, driver: str | None, expected: tuple[str, dict[str, Any]]
) -> None:
    url = make_url(project_url(text, driver=driver))

    positional, keywords = url.get_dialect()().create_connect_args(url)

    assert url.drivername == f"postgresql+{expected[0]}"
    assert (positional, keywords) == ([], expected[1])


# fmt: off
NOT_EXPRESSED = {  #     written for                                           driver      named
    "server options":   ("postgresql://me:pw1!@h/d?options=-c%20x%3Dy",        "asyncpg",  "options"),
    "certificates":     ("postgresql://me:pw1!@h/d?sslrootcert=a&sslkey=b",    "asyncpg",  "sslkey, sslrootcert"),
    "TLS for pg8000":   ("postgresql://me:pw1!@h/d?sslmode=verify-full",       "pg8000",   "sslmode"),
    "hosts for pg8000": ("postgresql://me:pw1!@a,b/d",                         "pg8000",   "several hosts"),
    "server_settings":  ("postgresql+asyncpg://me:pw1!@h/d?server_settings=x", "psycopg2", "server_settings"),
}
# fmt: on


@pytest.mark.parametrize(("text", "driver", "named"), NOT_EXPRESSED.values(), ids=NOT_EXPRESSED)
def test_what_another_driver_cannot_express_is_refused_by_name(text: str, driver: str, named: str) -> None:
    with pytest.raises(SettingsError, match=f"a URL for {driver} cannot express: {named}") as refused:
        project_url(text, driver=driver)

    assert "pw1!" not in str(refused.value)


MALFORMED = {
    "empty": ("", "is not a database URL"),
    "blank": (" \n ", "is not a database URL"),
    "a word": ("n0body-knows", "is not a database URL"),
    "a connection string": ("host=h password=n0body-knows", "is not a database URL"),
    "one slash": ("postgresql:/me:n0body-knows@h/d", "is not a database URL"),
    "in quotes": ('"postgresql://me:n0body-knows@h/d"', "is not a database URL"),
    "a port that is a word": ("postgresql://me:n0body-knows@h:p/d", "is not a database URL"),
    "@ in the password": ("postgresql://me:n0b@dy-knows@h/d", "more than one @"),
    "IPv6 without an end": ("postgresql://me:n0body-knows@[::1/d", "is not a database URL"),
    "NUL in the password": ("postgresql://me:n0body%00knows@h/d", "control character"),
    "NUL in the database": ("postgresql://me:n0body-knows@h/d%00", "control character"),
    "a line break": ("postgresql://me:n0body-knows@h/d\nx", "control character"),
    "a blank behind the database": ("postgresql://me:n0body-knows@h/d ?sslmode=require", "ends in a blank"),
    "such a blank, encoded": ("postgresql://me:n0body-knows@h/d%20", "ends in a blank"),
    "MariaDB by an unknown driver": ("mysql+oursql://me:n0body-knows@h/d", "the driver 'oursql', which is not one of"),
    "TLS in words of MySQL's": ("mysql://me:n0body-knows@h/d?tls_version=x", "asks for TLS by tls_version"),
    "SQLite in memory": ("sqlite://", "in memory"),
    "a web address": ("https://me:n0body-knows@h/d", "speaks 'https'"),
    "unknown driver": (
        "postgresql+pigeon://me:n0body-knows@h/d",
        "the driver 'pigeon', which is not one of asyncpg, pg8000",
    ),
    "ssl=maybe": ("postgresql+asyncpg://me:n0body-knows@h/d?ssl=maybe", "ssl='maybe', which is none of disable"),
}


@pytest.mark.parametrize(("text", "said"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_url_is_not_repeated(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        ours(text, source="STAGING_URL")

    error = refused.value
    assert said in error.problem and error.problem.startswith("STAGING_URL ")
    assert "knows" not in str(error) and "dy-" not in str(error)
    assert error.next_step and error.changed is False and error.exit_code == 2
    assert "knows" not in "".join(traceback.format_exception(error))


# fmt: off
OWN = "mariadb+pymysql://me:***@"
MARIADB = {  #              behind the slashes, and ours                                   the project's driver
    "the usual driver":    ("mysql",           "h/d",               "h/d",                 "mysql+mysqldb"),
    "by its own name":     ("mariadb+pymysql", "h:3307/d",          "h:3307/d",            "mariadb+pymysql"),
    "asynchronous":        ("mysql+asyncmy",   "h/d",               "h/d",                 "mysql+asyncmy"),
    "a socket":            ("mysql+aiomysql",  "/d?unix_socket=/s", "/d?unix_socket=%2Fs", "mysql+aiomysql"),
    "by MariaDB's own":    ("mariadb+mariadbconnector", "h/d",      "h/d",                 "mariadb+mariadbconnector"),
    "what means nothing":  ("mysql",           "h/d?use_unicode=1", "h/d",                 "mysql+mysqldb"),
}
# fmt: on


@pytest.mark.parametrize(("name", "rest", "found", "driver"), MARIADB.values(), ids=MARIADB)
def test_urls_of_mariadb(name: str, rest: str, found: str, driver: str) -> None:
    given = f"{name}://me:pw1!@{rest}"
    own = ours(given)

    assert (str(own), own.dialect, own.untranslated) == (OWN + found, "mariadb", ())
    assert project_url(given).startswith(f"{driver}://me:pw1%21@")
    assert project_url(given, driver="pymysql").startswith(f"{driver.partition('+')[0]}+pymysql://")


# fmt: off
TLS = {  #                               driver              what is written                       our mode
    "nothing is said":                  ("pymysql",          "charset=utf8mb4",                    None),
    "an authority":                     ("pymysql",          "ssl_ca=/ca",                         "VERIFY_IDENTITY"),
    "a folder of them":                 ("mysqldb",          "ssl_capath=/cas",                    "VERIFY_IDENTITY"),
    "an authority, any name":           ("pymysql",          "ssl_ca=/ca&ssl_check_hostname=false", "VERIFY_CA"),
    "the system's authorities":         ("pymysql",          "ssl_verify_identity=true",           "VERIFY_IDENTITY"),
    "a certificate of one's own":       ("pymysql",          "ssl_cert=/c&ssl_key=/k",             "REQUIRED"),
    "TLS, in MariaDB's own words":      ("mariadbconnector", "ssl=true",                           "REQUIRED"),
    "verified, in its words":           ("mariadbconnector", "ssl_ca=/ca&ssl_verify_cert=1",       "VERIFY_IDENTITY"),
    "not verified, in its words":       ("mariadbconnector", "ssl_ca=/ca&ssl_verify_cert=0",       "REQUIRED"),
    "no TLS need be, in its words":     ("mariadbconnector", "ssl=false",                          None),
    "a mode":                           ("mysqldb",          "ssl_ca=/ca&ssl_mode=VERIFY_CA",      "VERIFY_CA"),
    "a mode that needs none":           ("mysqldb",          "ssl_mode=PREFERRED",                 "PREFERRED"),
    "a weak mode beside an authority":  ("mysqldb",          "ssl_ca=/ca&ssl_mode=REQUIRED",       "VERIFY_IDENTITY"),
    "none":                             ("pymysql",          "ssl_disabled=true",                  "DISABLED"),
    "none, as a mode":                  ("mysqldb",          "ssl_mode=DISABLED",                  "DISABLED"),
}
NO_TLS = {  #                            driver              what is written                       what is said
    "both TLS and none":                ("pymysql",          "ssl_ca=/ca&ssl_disabled=true",       "and for none"),
    "both, as a mode":                  ("mysqldb",          "ssl_ca=/ca&ssl_mode=DISABLED",       "and for none"),
    "a word that nobody knows":         ("pymysql",          "tls_version=1",                      "by tls_version"),
    "a mode that nobody knows":         ("mysqldb",          "ssl_mode=maybe",                     "none of DISABLED"),
    "neither true nor false":           ("mysqldb",          "ssl_verify_cert=perhaps",            "neither true nor"),
    "what PyMySQL takes for true":      ("pymysql",          "ssl_disabled=false",                 "takes for true"),
    "what makes it forget the rest":    ("pymysql",          "ssl_ca=/ca&ssl_verify_cert=true",    "PyMySQL forgets"),
}
# fmt: on


@pytest.mark.parametrize(("driver", "options", "mode"), TLS.values(), ids=TLS)
def test_what_a_url_of_mariadbs_asks_of_tls(driver: str, options: str, mode: str | None) -> None:
    own = ours(f"mysql+{driver}://h/d?{options}")

    assert own.url.query.get("ssl_mode") == mode and own.untranslated == ()
    assert options in project_url(f"mysql+{driver}://h/d?{options}").replace("%2F", "/")


@pytest.mark.parametrize(("driver", "options", "said"), NO_TLS.values(), ids=NO_TLS)
def test_what_would_be_lost_of_tls_is_refused(driver: str, options: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        ours(f"mysql+{driver}://h/d?{options}")


def test_another_driver_is_told_of_no_tls_in_words_that_it_has_not() -> None:
    with pytest.raises(SettingsError, match="ssl_check_hostname"):
        project_url("mysql+pymysql://h/d?ssl_ca=/ca&ssl_check_hostname=false", driver="mariadbconnector")
    with pytest.raises(SettingsError, match="takes TLS from connect_args alone"):
        project_url("mysql+aiomysql://h/d?ssl_ca=/ca")
    assert "ssl_ca=" in project_url("mysql+pymysql://h/d?ssl_ca=/ca", driver="asyncmy")


def test_the_password_of_a_key_is_shown_nowhere() -> None:
    own = ours("mysql+pymysql://h/d?ssl_cert=/c&ssl_key=/k&ssl_key_password=hush1")

    assert "hush1" not in f"{own}{own!r}" and own.url.query["ssl_key_password"] == "hush1"


def test_what_mariadbs_driver_has_no_word_for_is_named() -> None:
    assert ours("mysql+aiomysql://h/d?echo=1&charset=utf8mb4").untranslated == ("echo",)


def test_an_unknown_driver_of_the_section() -> None:
    with pytest.raises(SettingsError, match="the driver 'pigeon'"):
        project_url("postgresql://h/d", driver="pigeon")


@pytest.mark.parametrize("option", sorted(_LIBPQ))
def test_libpq_knows_what_we_give_it(option: str) -> None:
    assert psycopg2.extensions.make_dsn(**{option: "1"})
