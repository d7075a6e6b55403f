"""What the queries are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

OLDEST, NEWEST = 15, 18
UNTRIED = (17,)  # neither the embedded wheel nor Debian brings it

# Names in these schemas are nobody's own.
SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> ALL (%(ignored_schemas)s)"

_CATALOGS = re.compile(r"\b(?:FROM|JOIN)\s+(pg_[a-z_]+)\b(?!\s*\()")


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query, giving one row per object: kind, schema, parent, name, properties, and what NOT NULL says of it.

    `since` and `until` are the major versions that it is for; `also_reads` are the catalogs that functions
    of the server read in the name of whoever asks.
    """

    kinds: tuple[str, ...]
    sql: str
    since: int = OLDEST
    until: int = NEWEST
    also_reads: tuple[str, ...] = ()

    @cached_property
    def reads(self) -> frozenset[str]:
        """The catalogs that one must be allowed to read."""
        return frozenset({*_CATALOGS.findall(self.sql), *self.also_reads})


def row(kind: str, schema: str, parent: str, name: str, properties: str, not_null: str = "NULL") -> str:
    """The head of a query."""
    columns = [f"({one})::text" for one in (kind, schema, parent, name, properties, not_null)]
    return "SELECT " + ", ".join(columns)


def json_of(**properties: str) -> str:
    """A JSON object of the properties that are not NULL, underscores in their names being spaces.

    It is put together as text: for thousands of objects, `json_build_object` takes several times as long.
    """
    parts = ",\n        ".join(
        f"""'"{name.replace("_", " ")}" : ' || to_json({value})""" for name, value in properties.items()
    )
    return f"'{{' || concat_ws(', ',\n        {parts}) || '}}'"


def unowned(catalog: str, oid: str) -> str:
    """A condition: the object belongs to no extension."""
    return (
        f"{oid} NOT IN (SELECT x.objid FROM pg_depend x WHERE x.refclassid = 'pg_extension'::regclass"
        f" AND x.classid = '{catalog}'::regclass AND x.deptype = 'e')"
    )


def there(function: str, oid: str) -> str:
    """A condition: the object is still there, or that does not matter. The function is NULL for what was dropped."""
    return f"(%(strict)s OR {function}({oid}) IS NOT NULL)"


# A relation is ours to look at when it is in a user's schema, is not temporary, belongs to no extension, and is not
# the version table.
RELATION = f"""{SCHEMA} AND c.relpersistence <> 't'
      AND NOT (c.relname = %(version_table)s AND n.nspname = %(version_schema)s)
      AND {unowned("pg_class", "c.oid")} AND {there("pg_table_is_visible", "c.oid")}"""


def who(oid: str) -> str:
    """A grantee: a role that is called PUBLIC is not everybody."""
    return (
        f"CASE WHEN {oid} = 0 THEN 'PUBLIC' WHEN pg_get_userbyid({oid}) = 'PUBLIC' THEN '\"PUBLIC\"'"
        f" ELSE pg_get_userbyid({oid})::text END"
    )


def grants(acl: str, kind: str, owner: str) -> str:
    """What was granted beyond the default, and what of the default was revoked, per role."""
    default = f"acldefault('{kind}', {owner})"
    listed = "SELECT grantee, privilege_type, is_grantable FROM aclexplode({})"
    return f"""CASE WHEN {acl} IS NOT NULL THEN (
            SELECT json_object_agg(role, rights ORDER BY role COLLATE "C") FROM (
                SELECT {who("grantee")} AS role,
                       json_agg(word || privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
                                ORDER BY privilege_type COLLATE "C", word COLLATE "C", is_grantable) AS rights
                FROM (
                    SELECT '' AS word, * FROM ({listed.format(acl)} EXCEPT {listed.format(default)}) AS more
                    UNION ALL
                    SELECT 'no ', * FROM ({listed.format(default)} EXCEPT {listed.format(acl)}) AS less
                ) AS every_one
                GROUP BY 1
            ) AS by_role
        ) END"""


def comment(catalog: str, oid: str, column: str = "0", alias: str = "d") -> str:
    """A join that finds the comment on an object."""
    return (
        f"LEFT JOIN pg_description {alias} ON {alias}.objoid = {oid} AND {alias}.classoid = '{catalog}'::regclass"
        f" AND {alias}.objsubid = {column}"
    )


def sorted_list(array: str) -> str:
    """The elements of an array, whatever their order; most arrays are NULL, and cost nothing then."""
    listed = f'(SELECT json_agg(o ORDER BY o COLLATE "C") FROM unnest({array}) AS o)'
    return f"CASE WHEN {array} IS NOT NULL THEN {listed} END"


def options(array: str) -> str:
    """The options of something foreign, without the secrets among them."""
    secret = "o ~* '^[^=]*(password|passwd|secret|token)[^=]*='"
    shown = f"CASE WHEN {secret} THEN split_part(o, '=', 1) || '=***' ELSE o END"
    return (
        f'CASE WHEN {array} IS NOT NULL THEN (SELECT json_agg({shown} ORDER BY o COLLATE "C")'
        f" FROM unnest({array}) AS o) END"
    )


def tablespace(oid: str) -> str:
    """The name of a tablespace other than the database's own."""
    return f"CASE WHEN {oid} <> 0 THEN (SELECT spcname FROM pg_tablespace WHERE oid = {oid}) END"


_NUMBERS = "20, 21, 23, 700, 701, 1700"  # bigint, smallint, integer, real, double precision, numeric
_TEXTS = "25, 1042, 1043"  # text, character, character varying

# A default, and behind it the type of its column. A cast to another type counts for nothing where it cannot change the
# value: through a number with fewer digits it may, and so may one to a shorter text.
_NUMBER = (
    "'^(?:''-?[0-9]+''::(?:smallint|integer|bigint|numeric)|''-?[0-9]+[.][0-9]+''::numeric"
    "|[(][0-9]+[)]::(?:integer|bigint|numeric)|[(][0-9]{1,4}[)]::smallint) as "
    r"|^(?:''-?[0-9]+(?:[.][0-9]+)?''|[(][0-9]+(?:[.][0-9]+)?[)])::(.+) as \1$'"
)
_TEXT = "'^''(?:[^'']|'''')*''::(?:(?:text|character varying) as |bpchar as (?:bpchar|character[(]))'"
_TEXT_OF_ITS_LENGTH = r"'^''(?:[^'']|'''')*''::(character.*[(][0-9]+[)]) as \1$'"


def default(expression: str, type_oid: str, modifier: str) -> str:
    """A default; a constant reads the same with and without quotes, and with and without a cast.

    `'0'::bigint` and `(0)::numeric` are what `0` is, on a varchar `'x'::text` is what `'x'::character varying` is; only
    where the value is the same, as it is not with `0.00`, nor with what a cast rounds or cuts.
    """
    own = f"format_type({type_oid}, {modifier})"
    told = f"({expression} || ' as ' || {own})"
    # of the default two quotes and two colons are no part of the text; of a length four are the server's
    fits = f"length({expression}) - 4 - length({own}) <= {modifier} - 4"
    return f"""CASE
            WHEN {type_oid} IN ({_NUMBERS}) AND {told} ~ {_NUMBER}
            THEN substring({expression} FROM '-?[0-9]+(?:[.][0-9]+)?')
            WHEN {type_oid} IN ({_TEXTS}) AND ({told} ~ {_TEXT} OR ({told} ~ {_TEXT_OF_ITS_LENGTH} AND {fits}))
            THEN regexp_replace({expression}, '::[^'']*$', '::' || format_type({type_oid}, -1))
            ELSE {expression} END"""


def enabled(letter: str) -> str:
    """When a trigger or a rule fires."""
    return f"CASE {letter} WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END"
