"""What surrounds a schema, and no dump of it holds: settings of sessions, owner and rights of the database, its locale.

They decide what a migration does there: `search_path` where an unqualified name goes, `TimeZone` whether a timestamp
that gets a time zone rewrites its table, and so on. So a copy gets them, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops import scratch
from ops.errors import first_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

SETTINGS = (
    "search_path", "TimeZone", "DateStyle", "IntervalStyle", "array_nulls", "bytea_output", "check_function_bodies",
    "createrole_self_grant", "default_table_access_method", "default_tablespace", "default_text_search_config",
    "default_toast_compression", "default_transaction_deferrable", "default_transaction_isolation",
    "default_transaction_read_only", "event_triggers", "restrict_nonsystem_relation_kind", "row_security",
    "session_replication_role", "standard_conforming_strings", "transform_null_equals", "xmloption",
)  # fmt: skip
"""Settings that change what a statement makes, or whether it runs."""

_NOT_TAKEN = (
    # A worker has its own; and on a copy nobody waits.
    "statement_timeout", "lock_timeout", "transaction_timeout", "idle_in_transaction_session_timeout",
    "idle_session_timeout", "client_encoding", "application_name",
    # The role of a worker is that of the target.
    "role", "session_authorization",
)  # fmt: skip
_LIBRARIES = ("local_preload_libraries", "session_preload_libraries")
"""Where such a library is missing, nobody can connect any more."""

_LISTS = ("search_path", "temp_tablespaces")
"""Settings that hold a list of names: written as one text, they would be one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What surrounds a schema.

    `settings` are those of a new session of the target's login, as names and values; `special` are the names of those
    that somebody gave the login or the database on purpose. `version_table` is its columns, empty where there is none.
    `tablespace` is that of the database, empty where it is the usual one.
    """

    settings: tuple[tuple[str, str], ...] = field(repr=False)
    defaults: tuple[tuple[str, str], ...] = field(repr=False)
    special: tuple[str, ...]
    owner: str
    grants: tuple[tuple[str, str, bool], ...]
    encoding: str
    collation: str
    version_table: str
    subscriptions: int
    tablespace: str = ""


_READ = """
    WITH given AS (
        SELECT DISTINCT split_part(one, '=', 1) AS name
        FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS one
        WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
        AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
    )
    SELECT (SELECT json_object_agg(name, json_build_array(reset_val, boot_val)) FROM pg_catalog.pg_settings
            WHERE name = ANY (:names) OR name IN (SELECT name FROM given)) AS settings,
           (SELECT json_object_agg(name, current_setting(name, true)) FROM given WHERE name LIKE '%.%') AS own,
           ARRAY(SELECT name FROM given ORDER BY name) AS special,
           pg_catalog.pg_get_userbyid(d.datdba) AS owner,
           (SELECT json_agg(json_build_array(CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END,
                            a.privilege_type, a.is_grantable) ORDER BY a.grantee, a.privilege_type)
            FROM pg_catalog.aclexplode(d.datacl) a) AS grants,
           pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate::text AS collation,
           (SELECT string_agg(concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                        pg_catalog.pg_get_userbyid(c.relowner)), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE n.nspname = :schema AND c.relname = :table) AS version_table,
           (SELECT spcname::text FROM pg_catalog.pg_tablespace
            WHERE oid = d.dattablespace AND spcname <> 'pg_default') AS tablespace,
           (SELECT count(subname) FROM pg_catalog.pg_subscription WHERE subdbid = d.oid) AS subscriptions
    FROM pg_catalog.pg_database d WHERE d.datname = current_database()
"""


def read(connection: Connection, table: tuple[str, str]) -> Surroundings:
    """Return what surrounds the schema of a target; `table` is its version table's schema and name.

    Not what our own session was told to use, but what a session begins with.
    """
    from sqlalchemy import text

    asked = {"names": list(SETTINGS), "schema": table[0], "table": table[1]}
    row = connection.execute(text(_READ), asked).one()._mapping
    taken = {name: both for name, both in row["settings"].items() if name not in (*_NOT_TAKEN, *_LIBRARIES)}
    values = {name: value for name, (value, _) in taken.items()}
    values.update(row["own"] or {})
    return Surroundings(
        settings=tuple(sorted((name, value) for name, value in values.items() if value is not None)),
        defaults=tuple(sorted((name, boot) for name, (_, boot) in taken.items() if boot is not None)),
        special=tuple(name for name in row["special"] if name not in _NOT_TAKEN),
        owner=row["owner"],
        grants=tuple((who or "", what, grantable) for who, what, grantable in row["grants"] or ()),
        encoding=row["encoding"],
        collation=row["collation"],
        version_table=row["version_table"] or "",
        subscriptions=row["subscriptions"],
        tablespace=row["tablespace"] or "",
    )


def give(place: scratch.Place, database: str, wanted: Surroundings) -> tuple[str, ...]:
    """Give a scratch database the settings that a session of the target begins with.

    Return what could not be taken over, a sentence each. Values that somebody made up are nobody's business there.
    """
    import psycopg2
    from psycopg2 import sql

    before = _settings(place, database, wanted)
    differing = [(name, value) for name, value in wanted.settings if before.get(name) != value]
    refused: dict[str, str] = {}
    with closing(scratch.connect(place, database)) as connection, connection.cursor() as cursor:
        # The path last: what it leads to must not stand in for what is meant here.
        for name, value in sorted(differing, key=lambda one: one[0] in _LISTS):
            setting = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
            change = sql.SQL("ALTER DATABASE {} SET {} ").format(sql.Identifier(database), setting)
            try:
                if name in _LISTS:
                    cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
                    cursor.execute(change + sql.SQL("FROM CURRENT"))
                else:
                    cursor.execute(change + sql.SQL("TO {}").format(sql.Literal(value)))
            except psycopg2.Error as error:
                refused[name] = first_line(error)
    after = _settings(place, database, wanted) if differing else before
    return tuple(_sentences(wanted, after, refused))


def _settings(place: scratch.Place, database: str, wanted: Surroundings) -> Mapping[str, str]:
    """Return what a new session there begins with."""
    names = [name for name, _ in wanted.settings]
    with closing(scratch.connect(place, database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT n, coalesce((SELECT s.reset_val FROM pg_catalog.pg_settings s"
            "                    WHERE s.name OPERATOR(pg_catalog.=) n),"
            "                   pg_catalog.current_setting(n, true))"
            " FROM pg_catalog.unnest(%s::pg_catalog.text[]) AS n",
            (names,),
        )
        return {name: value for name, value in cursor.fetchall() if value is not None}


def _sentences(wanted: Surroundings, after: Mapping[str, str], refused: Mapping[str, str]) -> list[str]:
    usual = dict(wanted.defaults)
    found = []
    for name, value in wanted.settings:
        if after.get(name) == value or (name not in after and usual.get(name) == value):
            continue
        if name == "default_toast_compression":
            found.append(
                f"Wide values are compressed with {value} there and with {after.get(name, 'pglz')} in the copy: that "
                "changes their size, which a copy without rows does not tell anyway."
            )
        else:
            shown = f" is {value!r} there and" if name in SETTINGS else ""
            why = f" ({refused[name]})" if name in refused and name in SETTINGS else ""
            found.append(
                f"The setting {name}{shown} could not be taken over{why}: statements that depend on it may do "
                "something else there."
            )
    for name in wanted.special:
        if name in _LIBRARIES:
            found.append(
                f"What {name} loads into every session there is not loaded in the copy: what such a library does to a "
                "statement is not seen."
            )
    return found


def give_rights(place: scratch.Place, database: str, wanted: Surroundings) -> None:
    """Let a scratch database have the target's owner and grants. The roles are there already."""
    from psycopg2 import sql

    name = sql.Identifier(database)
    statements = [sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(wanted.owner))]
    if wanted.grants:
        statements.append(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for who, what, grantable in wanted.grants:
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(what),
            name,
            sql.Identifier(who) if who else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if grantable and who else ""),
        )
        statements.append(grant)
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
