"""Names that break what does not quote them, and an object of every kind that is called so."""

from __future__ import annotations

from dataclasses import dataclass

from ops.catalog import Key
from ops.catalog.names import quoted

NAMES = {
    "double quotes": 'a "quoted" name""',
    "spaces": "  two  spaces ",
    "unicode": "Tên “lạ” ệ 🙂",
    "markup": "<script>alert(1)</script>",
    "63 bytes": "x" * 63,
    "63 bytes of many": "ệ" * 21,
    "a reserved word": "select",
    "a reserved type": "integer",
    "a column name word": "between",
    "a backslash": "back\\slash\\",
    "a dollar": "$dol$lar$$",
    "a percent sign": "per%cent %s %(x)s",
    "dots": "dot.ted.name",
    "an apostrophe": "it's",
    "parentheses": "f(integer",
    "closed parentheses": "f(integer)",
    "commas": "a, b",
    "lines": "two\nlines\tand a tab",
    "capitals": "Upper",
    "a comment": "--x /* y",
    "a statement": "x; DROP TABLE y",
    "a cast": "'x'::regclass",
    "an alias": "x AS y",
    "the end of a string": "\"'",
    "a control character": "a\x1fb\x01",
    "a digit first": "1st",
    "PUBLIC": "PUBLIC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An object: how it is created, how COMMENT ON calls it, and by which key a catalog knows it."""

    key: Key
    sql: str
    spec: str = ""
    drop: str = ""


def quote(name: str) -> str:
    """Return an identifier as SQL, always in quotes."""
    return '"' + name.replace('"', '""') + '"'


def cut(name: str, ending: str) -> str:
    """Return a name with an ending, no longer than a name may be."""
    if len(name.encode()) + len(ending) <= 63:
        return name + ending
    # in front: the server cuts the names of array types at their end
    return ending.strip() + name.encode()[: 60 - len(ending)].decode(errors="ignore")


def objects(name: str) -> list[Made]:
    """Return objects of all kinds, all of that name; where two cannot have the same, it has an ending."""
    schema = name
    s = n = quote(name)
    own = {kind: cut(name, ending) for kind, ending in ENDINGS.items()}
    q = {kind: quote(one) for kind, one in own.items()}

    def at(kind: str, called: str, parent: str = "") -> Key:
        return Key(kind, schema, parent, called)

    t = f"{s}.{n}"
    return [
        Made(key=Key("schema", "", "", schema), sql=f"CREATE SCHEMA {s}", spec=f"SCHEMA {s}"),
        Made(key=at("enum", own["enum"]), sql=f"CREATE TYPE {s}.{q['enum']} AS ENUM ('a')", spec=f"TYPE "
            f"{s}.{q['enum']}"),
        Made(key=at("domain", own["domain"]),
             sql=f"CREATE DOMAIN {s}.{q['domain']} AS text CONSTRAINT {n} CHECK (VALUE <> '')",
             spec=f"DOMAIN {s}.{q['domain']}"),
        Made(key=at("composite type", own["composite"]), sql=f"CREATE TYPE {s}.{q['composite']} AS ({n} "
            f"{s}.{q['enum']})",
             spec=f"TYPE {s}.{q['composite']}"),
        Made(key=at("range type", own["range"]),
             sql=f"CREATE TYPE {s}.{q['range']} AS RANGE (subtype = integer, multirange_type_name = "
            f"{s}.{q['multirange']})",
             spec=f"TYPE {s}.{q['range']}"),
        Made(key=at("sequence", own["sequence"]), sql=f"CREATE SEQUENCE {s}.{q['sequence']}",
             spec=f"SEQUENCE {s}.{q['sequence']}"),
        Made(key=at("table", name),
             sql=f"CREATE TABLE {t} ({n} integer DEFAULT nextval({literal(s + '.' + q['sequence'])}::regclass) NOT "
            f"NULL, "
                 f"{q['other']} {s}.{q['enum']}, {q['third']} int4range)", spec=f"TABLE {t}"),
        Made(key=at("column", name, name), sql="", spec=f"COLUMN {t}.{n}"),
        Made(key=at("primary key", own["pk"], name), sql=f"ALTER TABLE {t} ADD CONSTRAINT {q['pk']} PRIMARY KEY ({n})",
             spec=f"CONSTRAINT {q['pk']} ON {t}"),
        Made(key=at("unique", own["unique"], name), sql=f"ALTER TABLE {t} ADD CONSTRAINT {q['unique']} UNIQUE "
            f"({q['other']}, {n})",
             spec=f"CONSTRAINT {q['unique']} ON {t}", drop=f"ALTER TABLE {t} DROP CONSTRAINT {q['unique']}"),
        Made(key=at("foreign key", own["fk"], name),
             sql=f"ALTER TABLE {t} ADD CONSTRAINT {q['fk']} FOREIGN KEY ({n}) REFERENCES {t} ({n})",
             spec=f"CONSTRAINT {q['fk']} ON {t}", drop=f"ALTER TABLE {t} DROP CONSTRAINT {q['fk']}"),
        Made(key=at("check", own["check"], name),
             sql=f"ALTER TABLE {t} ADD CONSTRAINT {q['check']} CHECK ({n} > 0 AND {literal(name)} <> "
            f"{q['other']}::text)",
             spec=f"CONSTRAINT {q['check']} ON {t}", drop=f"ALTER TABLE {t} DROP CONSTRAINT {q['check']}"),
        Made(key=at("exclusion", own["exclusion"], name),
             sql=f"ALTER TABLE {t} ADD CONSTRAINT {q['exclusion']} EXCLUDE USING gist ({q['third']} WITH &&)",
             spec=f"CONSTRAINT {q['exclusion']} ON {t}", drop=f"ALTER TABLE {t} DROP CONSTRAINT {q['exclusion']}"),
        Made(key=at("index", own["index"], name), sql=f"CREATE INDEX {q['index']} ON {t} ({n}, {q['other']}) WHERE "
            f"{n} > 1",
             spec=f"INDEX {s}.{q['index']}", drop=f"DROP INDEX {s}.{q['index']}"),
        Made(key=at("view", own["view"]), sql=f"CREATE VIEW {s}.{q['view']} AS SELECT {n}, {q['other']} AS "
            f"{q['third']} FROM {t}",
             spec=f"VIEW {s}.{q['view']}", drop=f"DROP VIEW {s}.{q['view']}"),
        Made(key=at("column", name, own["view"]), sql="", spec=f"COLUMN {s}.{q['view']}.{n}"),
        Made(key=at("materialized view", own["stock"]), sql=f"CREATE MATERIALIZED VIEW {s}.{q['stock']} AS SELECT "
            f"{n} FROM {t}",
             spec=f"MATERIALIZED VIEW {s}.{q['stock']}", drop=f"DROP MATERIALIZED VIEW {s}.{q['stock']}"),
        Made(key=at("function", f"{name}({quoted(schema)}.{quoted(own['enum'])}, "
            f"{quoted(schema)}.{quoted(own['enum'])}[])"),
             sql=f"CREATE FUNCTION {t}({n} {s}.{q['enum']}, VARIADIC {q['other']} {s}.{q['enum']}[]) RETURNS integer "
            f"LANGUAGE sql "
                 f"AS 'SELECT 1'", spec=f"FUNCTION {t}({s}.{q['enum']}, {s}.{q['enum']}[])",
             drop=f"DROP FUNCTION {t}({s}.{q['enum']}, {s}.{q['enum']}[])"),
        Made(key=at("function", f"{name}()"), sql=f"CREATE FUNCTION {t}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
            f"END'",
             spec=f"FUNCTION {t}()"),
        Made(key=at("procedure", f"{own['procedure']}()"), sql=f"CREATE PROCEDURE {s}.{q['procedure']}() LANGUAGE "
            f"sql AS 'SELECT 1'",
             spec=f"PROCEDURE {s}.{q['procedure']}()", drop=f"DROP PROCEDURE {s}.{q['procedure']}()"),
        Made(key=at("aggregate", f"{own['aggregate']}(*)"),
             sql=f"CREATE AGGREGATE {s}.{q['aggregate']}(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0')",
             spec=f"AGGREGATE {s}.{q['aggregate']}(*)", drop=f"DROP AGGREGATE {s}.{q['aggregate']}(*)"),
        Made(key=at("trigger", name, name),
             sql=f"CREATE TRIGGER {n} BEFORE UPDATE OF {n} ON {t} FOR EACH ROW WHEN (old.{n} <> new.{n}) EXECUTE "
            f"FUNCTION {t}()",
             spec=f"TRIGGER {n} ON {t}", drop=f"DROP TRIGGER {n} ON {t}"),
        Made(key=at("rule", name, name), sql=f"CREATE RULE {n} AS ON DELETE TO {t} WHERE old.{n} = 1 DO INSTEAD "
            f"NOTHING",
             spec=f"RULE {n} ON {t}", drop=f"DROP RULE {n} ON {t}"),
        Made(key=at("policy", name, name), sql=f"CREATE POLICY {n} ON {t} USING ({n} = 1)", spec=f"POLICY {n} ON {t}",
             drop=f"DROP POLICY {n} ON {t}"),
        Made(key=at("statistics", name), sql=f"CREATE STATISTICS {t} ON {n}, {q['other']} FROM {t}",
            spec=f"STATISTICS {t}",
             drop=f"DROP STATISTICS {t}"),
        Made(key=Key("event trigger", "", "", schema), sql=f"CREATE EVENT TRIGGER {s} ON sql_drop WHEN TAG IN ('DROP "
            f"CAST') "
             f"EXECUTE FUNCTION {s}.{q['event']}()", spec=f"EVENT TRIGGER {s}", drop=f"DROP EVENT TRIGGER {s}"),
        Made(key=Key("publication", "", "", schema), sql=f"CREATE PUBLICATION {s} FOR TABLE {t} ({n}) WHERE ({n} > 0)",
             spec=f"PUBLICATION {s}", drop=f"DROP PUBLICATION {s}"),
        Made(key=Key("foreign data wrapper", "", "", schema), sql=f"CREATE FOREIGN DATA WRAPPER {s} OPTIONS ({n} "
            f"{literal(name)})",
             spec=f"FOREIGN DATA WRAPPER {s}"),
        Made(key=Key("foreign server", "", "", schema), sql=f"CREATE SERVER {s} FOREIGN DATA WRAPPER {s}",
            spec=f"SERVER {s}"),
        Made(key=at("foreign table", own["foreign"]), sql=f"CREATE FOREIGN TABLE {s}.{q['foreign']} ({n} integer) "
            f"SERVER {s}",
             spec=f"FOREIGN TABLE {s}.{q['foreign']}", drop=f"DROP FOREIGN TABLE {s}.{q['foreign']}"),
    ]  # fmt: skip


# Endings for what shares a namespace with the table, its type or its function.
_ENDING = """
    enum domain composite range multirange sequence other third pk unique fk check exclusion index view stock
    procedure aggregate event foreign
"""
ENDINGS = {kind: f" {number}" for number, kind in enumerate(_ENDING.split())}


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'"


def statements(name: str) -> list[str]:
    """Return what makes one object of every kind, and a role that has rights on some."""
    made = objects(name)
    n = quote(name)
    return [
        made[0].sql,
        f"CREATE FUNCTION {n}.{quote(cut(name, ENDINGS['event']))}() RETURNS event_trigger LANGUAGE plpgsql AS "
        f"'BEGIN END'",
        *(one.sql for one in made[1:] if one.sql),
        *(f"COMMENT ON {one.spec} IS {literal(name)}" for one in made if one.key.kind == "column"),
        f"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(name)}) THEN CREATE ROLE {n}; "
        f"END IF;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $do$",
        f"GRANT SELECT ON {n}.{n} TO {n}",
        f"GRANT UPDATE ({n}) ON {n}.{n} TO PUBLIC",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {n} GRANT SELECT ON TABLES TO {n}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {n} GRANT SELECT ON TABLES TO PUBLIC",
    ]


BASE = [sql for name in NAMES.values() for sql in statements(name)]
