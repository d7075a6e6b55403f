"""What a statement does, as values: one `Command` for each action."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One action of one statement, as PostgreSQL's own parser understands it.

    An ALTER TABLE with three actions is three commands; a constraint written inside of ADD COLUMN is a command of its
    own, with the option `IN COLUMN`, behind it. Names are as they are, without quotes; `schema` is empty where the
    text names none and nothing of that name is known. Pieces of SQL (`type`, `using`, `default`, `expression`) are text
    as the parser writes it.

    `verb` is one of
    - CREATE TABLE, CREATE TABLE AS, CREATE PARTITION, DROP TABLE, TRUNCATE, RENAME TABLE, SET SCHEMA, OWNER TO,
      LOCK TABLE, ATTACH PARTITION, DETACH PARTITION;
    - ADD COLUMN, DROP COLUMN, RENAME COLUMN, SET DEFAULT, DROP DEFAULT, SET NOT NULL, DROP NOT NULL, ALTER COLUMN TYPE,
      SET EXPRESSION, DROP EXPRESSION, ADD IDENTITY, SET IDENTITY, DROP IDENTITY, SET STATISTICS, SET STORAGE;
    - ADD CHECK, ADD FOREIGN KEY, ADD UNIQUE, ADD PRIMARY KEY, ADD EXCLUDE, ADD NOT NULL, VALIDATE CONSTRAINT,
      ALTER CONSTRAINT, DROP CONSTRAINT, RENAME CONSTRAINT;
    - CREATE INDEX, DROP INDEX, REINDEX, RENAME INDEX, ATTACH INDEX;
    - CREATE VIEW, DROP VIEW, CREATE MATERIALIZED VIEW, DROP MATERIALIZED VIEW, REFRESH MATERIALIZED VIEW;
    - CREATE TYPE, DROP TYPE, ADD VALUE, RENAME VALUE, CREATE DOMAIN, ALTER DOMAIN, DROP DOMAIN;
    - CREATE SEQUENCE, ALTER SEQUENCE, DROP SEQUENCE; CREATE SCHEMA, DROP SCHEMA, CREATE EXTENSION, DROP EXTENSION;
    - CREATE FUNCTION, DROP FUNCTION, CREATE TRIGGER, DROP TRIGGER, ENABLE TRIGGER, DISABLE TRIGGER, DO, CALL;
    - SELECT, INSERT, UPDATE, DELETE, MERGE, COPY; VACUUM, ANALYZE, CLUSTER;
    - SET, RESET, BEGIN, COMMIT, ROLLBACK, SAVEPOINT; COMMENT, GRANT, REVOKE, CREATE POLICY;
    - or, for what has no word here, the parser's own name of the statement in capitals, such as CREATE PUBLICATION.
    A text that the parser refuses is the verb `?`.

    `options` holds words of the text that matter: CONCURRENTLY, UNIQUE, NOT VALID, NOT NULL, IF EXISTS, IF NOT EXISTS,
    CASCADE, ONLY, USING INDEX, IN COLUMN, STORED, VIRTUAL, IDENTITY, SERIAL, PRIMARY KEY, LOCAL, WHERE (a data
    statement that has one), FULL (a vacuum), DEFERRABLE, NOT ENFORCED, OR REPLACE, TEMPORARY, UNLOGGED.

    `objects` are the (schema, name) of what a DROP or a TRUNCATE lists, `sources` the tables that a SELECT, or the
    query inside of another statement, reads. `references` is (schema, table, columns) of a foreign key. `value` is an
    enum's label, the value of a SET, or the bounds of a partition; `new_name` what a RENAME gives. `index` is the index
    of CREATE INDEX, DROP INDEX and USING INDEX, `method` its access method.
    """

    verb: str
    schema: str = ""
    name: str = ""
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
    new_name: str = ""
    value: str = ""
    objects: tuple[tuple[str, str], ...] = ()
    options: frozenset[str] = field(default_factory=frozenset)
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def column(self) -> str:
        """The column that it is about; empty where it is about none, or several."""
        return self.columns[0] if len(self.columns) == 1 else ""
