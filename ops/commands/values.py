"""What a statement does, as values: one `Command` for each action."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Command:
    """One action of one statement, as PostgreSQL's own parser understands it.

    An ALTER TABLE with three actions is three commands; a constraint written inside of ADD COLUMN is a command of its
    own, with the option `IN COLUMN`, behind it; one written inside of CREATE TABLE, or a column that references, has
    `IN TABLE`. A query that writes in its WITH is one command for each such part, and then its own. Names are as they
    are, without quotes; `schema` is empty where the text names none and nothing of that name is known. Pieces of SQL
    (`using`, `default`, `expression`, `where`, `elements`) are text as the parser writes it; `type` is as the server's
    `format_type` writes it (`character varying(50)`), but for serials, which stay `serial`, `bigserial`, `smallserial`.

    `verb` is one of
    - CREATE TABLE, CREATE TABLE AS, CREATE PARTITION, DROP TABLE, TRUNCATE, RENAME TABLE, SET SCHEMA, OWNER TO,
      LOCK TABLE, ATTACH PARTITION, DETACH PARTITION, INHERIT, NO INHERIT;
    - ADD COLUMN, DROP COLUMN, RENAME COLUMN, SET DEFAULT, DROP DEFAULT, SET NOT NULL, DROP NOT NULL, ALTER COLUMN TYPE,
      SET EXPRESSION, DROP EXPRESSION, ADD IDENTITY, SET IDENTITY, DROP IDENTITY, SET STATISTICS, SET STORAGE,
      SET COMPRESSION, SET COLUMN OPTIONS;
    - ADD CHECK, ADD FOREIGN KEY, ADD UNIQUE, ADD PRIMARY KEY, ADD EXCLUDE, ADD NOT NULL, VALIDATE CONSTRAINT,
      ALTER CONSTRAINT, DROP CONSTRAINT, RENAME CONSTRAINT;
    - SET OPTIONS, RESET OPTIONS, SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD, CLUSTER ON,
      REPLICA IDENTITY, ENABLE, DISABLE, FORCE and NO FORCE ROW SECURITY;
    - CREATE INDEX, DROP INDEX, REINDEX, RENAME INDEX, ATTACH INDEX;
    - CREATE VIEW, DROP VIEW, CREATE MATERIALIZED VIEW, DROP MATERIALIZED VIEW, REFRESH MATERIALIZED VIEW;
    - CREATE TYPE, ALTER TYPE, DROP TYPE, ADD VALUE, RENAME VALUE, CREATE DOMAIN, ALTER DOMAIN, DROP DOMAIN;
    - CREATE SEQUENCE, ALTER SEQUENCE, DROP SEQUENCE; CREATE SCHEMA, DROP SCHEMA, CREATE EXTENSION, DROP EXTENSION;
    - CREATE FUNCTION, CREATE PROCEDURE, DROP FUNCTION, CREATE TRIGGER, DROP TRIGGER, ENABLE TRIGGER, DISABLE TRIGGER,
      DO, CALL;
    - SELECT, INSERT, UPDATE, DELETE, MERGE, COPY; EXPLAIN, DECLARE CURSOR; VACUUM, ANALYZE, CLUSTER;
    - SET, RESET, BEGIN, COMMIT, ROLLBACK, SAVEPOINT; COMMENT, GRANT, REVOKE, CREATE POLICY;
    - RENAME, DROP or CREATE and the kind of any other object (RENAME VIEW, DROP POLICY, CREATE COLLATION);
    - or, for what has no word here, the parser's own name of the statement in capitals, such as CREATE PUBLICATION.
    A text that the parser refuses is the verb `?`.

    `options` holds words of the text that matter: CONCURRENTLY, UNIQUE, NOT VALID, NOT NULL, IF EXISTS, IF NOT EXISTS,
    CASCADE, ONLY, USING INDEX, IN COLUMN, IN TABLE, STORED, VIRTUAL, IDENTITY, SERIAL, PRIMARY KEY, LOCAL, WHERE (a
    data statement that has one), FULL (a vacuum), DEFERRABLE, INITIALLY DEFERRED, NOT ENFORCED, OR REPLACE, TEMPORARY,
    UNLOGGED, NULLS NOT DISTINCT, MATCH FULL, PERIOD, WITHOUT OVERLAPS, NO INHERIT, RETURNING, FOR UPDATE, ON CONFLICT,
    DO NOTHING (an INSERT, whatever is in conflict), WITH (a data statement that begins with one),
    ANALYZE, FROM and TO (of a COPY), PARTITIONED, RESTART IDENTITY, ALWAYS (a trigger, an identity), REPLICA, DEFAULT
    (the default partition), and of a foreign key ON DELETE CASCADE, SET NULL, SET DEFAULT or RESTRICT, and ON UPDATE
    likewise.

    `kind` is what the name names, where it is no table: `index`, `view`, `type`, `schema`, ….
    `objects` are the (schema, name) of what a DROP or a TRUNCATE lists (`name` is then the first), or the partition of
    ATTACH and DETACH PARTITION, whose `name` is the partitioned table; `sources` the tables that a SELECT, or the query
    inside of another statement, reads; `functions` the (schema, name) of the functions that it calls. `references` is
    (schema, table, columns) of a foreign key. `parent` is the partitioned table of CREATE PARTITION. `value` is an
    enum's label, the value of a SET, the bounds of a partition, the action of an ALTER DOMAIN, the new schema or owner,
    the name of a trigger or policy; `new_name` what a RENAME gives. `index` is the index of CREATE INDEX, DROP INDEX
    and USING INDEX, `method` its access method. `columns` of an index or a constraint are its plain columns; `elements`
    all that it is made of, as SQL, expressions too, with `operators` where it excludes, `including` what it only
    carries, and `where` its predicate; of a SELECT, UPDATE or DELETE, `where` is its condition. `elements` of CREATE
    TYPE are an enum's labels, of routines their argument types, of a partitioned table what it is partitioned by, with
    `method` (`range`, `list`, `hash`). `bounds` of a partition are its values (a list), lower and upper bound (a
    range), or modulus and remainder (a hash). `columns` of an INSERT or UPDATE are those that it sets, `elements` of an
    UPDATE what they are set to, an empty text where that is no expression of its own. `expression` of an INSERT is its
    query, of an UPDATE or DELETE what stands behind its FROM or USING, empty where a WITH stands before it; `value` is
    the alias of the table of both.
    `types` of a CREATE TABLE are those of its `columns`, and `numbered` the columns that count by themselves: serials
    and identities.
    """

    verb: str
    schema: str = ""
    name: str = ""
    kind: str = ""
    columns: tuple[str, ...] = ()
    constraint: str = ""
    index: str = ""
    type: str = ""
    collation: str = ""
    using: str = ""
    default: str | None = None
    expression: str = ""
    method: str = ""
    references: tuple[str, str, tuple[str, ...]] | None = None
    parent: tuple[str, str] | None = None
    new_name: str = ""
    value: str = ""
    objects: tuple[tuple[str, str], ...] = ()
    options: frozenset[str] = field(default_factory=frozenset)
    sources: tuple[tuple[str, str], ...] = ()
    functions: tuple[tuple[str, str], ...] = ()
    elements: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    including: tuple[str, ...] = ()
    where: str = ""
    bounds: tuple[tuple[str, ...], ...] = ()
    types: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The column that it is about; empty where it is about none, or several."""
        return self.columns[0] if len(self.columns) == 1 else ""

    def __repr__(self) -> str:
        """Return what is set: most commands use few of the fields."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return f"Command({', '.join(f'{name}={value!r}' for name, value in values.items() if value)})"
