"""The schema of the table of mutations as a project: a few revisions make it, and models say what models can say.

`made_by` tells by hand what a comparison has to find out: the revision that last touched an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.catalog import Catalog, Difference, Key
from ops.replay import Film, Replay
from tests.database.mutations import HISTORY, PATH

SETUP = "setup"

INI = """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = %(here)s
path_separator = os
"""

ENV = """\
from sqlalchemy import engine_from_config, pool
from alembic import context

from models import metadata

section = context.config.get_section(context.config.config_ini_section)
engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, include_schemas=True)
    with context.begin_transaction():
        context.run_migrations()
"""

MODELS = """\
from sqlalchemy import *
from sqlalchemy.dialects.postgresql import DOMAIN, INT4RANGE, ExcludeConstraint
from sqlalchemy.sql import quoted_name

metadata = MetaData(schema="shop")
mood = Enum("sad", "ok", "happy", name="mood", metadata=metadata)
DOMAIN("price", Numeric(10, 2), default=text("1"), check="VALUE >= 0", constraint_name="price_check", metadata=metadata)
Sequence("ticket", start=100, metadata=metadata)

customer = Table(
    "customer",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(100), nullable=False),
    Column("name", Text, server_default="nobody"),
    Column("feeling", mood, server_default="ok"),
    Column("code", String(10, collation="C")),
    Column("born", Date),
    UniqueConstraint("email", name="customer_email_key"),
    CheckConstraint("name <> ''", name="customer_name_check"),
)
item = Table(
    "item",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", ForeignKey(customer.c.id, name="item_customer_fk")),
    Column("label", Text),
    Column("amount", Numeric(10, 2), server_default="0"),
    Column("doubled", Numeric, Computed("amount * 2", persisted=True)),
    Column("during", INT4RANGE),
    ExcludeConstraint(("during", "&&"), name="item_during_excl"),
    Index("item_label_idx", "label"),
    comment="what was bought",
)
Table(
    "event",
    metadata,
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("what", Text),
    Index("event_what_idx", "what"),
    postgresql_partition_by="RANGE (at)",
)
thing = Table(
    "thing",
    metadata,
    Column("n", Integer),
    Column("note", Text),
    CheckConstraint("note <> 'x'", name="thing_note_check"),
)
book = Table("book", metadata, Column("pages", Integer), postgresql_inherits=(quoted_name("shop.thing", False),))
book.add_is_dependent_on(thing)
"""

REVISION = '''\
"""{revision}"""

from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    op.execute({sql!r})
'''


def write(folder: Path) -> None:
    """Write the project into a folder."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "models.py").write_text(MODELS, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    before = None
    for revision, sql in HISTORY.items():
        local = PATH.replace("SET ", "SET LOCAL ")
        text = REVISION.format(revision=revision, before=before, sql=f"{local};{sql}")
        (versions / f"{revision}.py").write_text(text, encoding="utf-8")
        before = revision


# fmt: off
_TOUCHED: Mapping[str, Sequence[str]] = {  # by the name of the revision that did so last
    "types":    ("schema shop", "schema attic", "enum shop.mood", "domain shop.price", "composite type shop.address",
                 "range type shop.span", "sequence shop.ticket"),
    "sales":    ("table shop.customer", "sequence shop.customer_id_seq", "sequence shop.item_id_seq"),
    "families": ("table shop.event", "table shop.event_2024", "table shop.thing", "table shop.book"),
    "later":    ("column shop.customer.born", "column shop.item.during", "exclusion shop.item.item_during_excl"),
    "code":     ("view shop.cheap", "materialized view shop.stock", "function shop.twice(integer)",
                 "function shop.touch()", "function shop.watch()", "procedure shop.tidy(integer)",
                 "aggregate shop.total(integer)", "trigger shop.customer.touched", "rule shop.customer.keep",
                 "policy shop.customer.own", "statistics shop.customer_stat", "event trigger watching",
                 "publication news", "foreign data wrapper files", "foreign server archive",
                 "foreign table shop.legacy"),
    "access":   ("table shop.item", "default privileges attic.postgres.tables"),
}
# What is not said there belongs to a relation, and was made with it.
_PARTS = {"customer": "sales", "item": "sales", "event": "families", "event_2024": "families", "thing": "families",
          "book": "families", "cheap": "code", "stock": "code", "legacy": "code"}
# fmt: on
_RELATIONS = ("table", "foreign table", "view", "materialized view", "composite type")


def made_by(one: Difference, *, before: Catalog, base: Catalog) -> str | None:
    """Return the revision to blame for a difference from `before`, which a row's `setup` has made of the base."""
    for key in _asked(one.before or one.key):
        if before.texts.get(key) != base.texts.get(key):
            return SETUP
        if key in base:
            told = [revision for revision, names in _TOUCHED.items() if f"{key.kind} {key}" in names]
            return told[0] if told else _PARTS.get(key.parent)  # of what every database has, nobody
    return None


def _asked(key: Key) -> Iterator[Key]:
    yield key
    if key.parent:
        yield from (Key(kind, key.schema, "", key.parent) for kind in _RELATIONS)


def with_setup(replayed: Replay, before: Catalog) -> Replay:
    """Return the history with one more revision, which has made of its end what `before` is."""
    texts = replayed.at(len(replayed.revisions)).catalog.texts
    touched: dict[Key, str | None] = {key: text for key, text in before.texts.items() if texts.get(key) != text}
    touched.update((key, None) for key in texts.keys() - before.texts.keys())
    revisions = (*replayed.revisions, SETUP)
    return _replay(before, Film(base=replayed.film.base, touched=(*replayed.film.touched, touched)), revisions)


def with_nothing_made(before: Catalog) -> Replay:
    """Return a history whose one revision made nothing: all was there already, as a baseline has it."""
    return _replay(before, Film(base=before.texts, touched=({},)), ("nothing",))


def _replay(before: Catalog, film: Film, revisions: Sequence[str]) -> Replay:
    return Replay(server_version=before.server_version, revisions=revisions, current=len(revisions), film=lambda: film)
