"""Initial migration

Going up loses the rows of traffic_data, which is dropped; only a backup brings them back.
Going down loses the rows of token_llm. Where users was there before, it stays, with its rows; where this
migration created it, it goes, with its rows. traffic_data returns where it was there before, but empty.

What was there before is remembered in the comment of the version table. Where that comment was lost, users
stays if it has rows, and traffic_data does not return.

Revision ID: 54be4477c094
Revises:
Create Date: 2025-10-03 09:12:27
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError
from sqlalchemy.schema import CreateTable, DropTable

revision: str = "54be4477c094"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

log = logging.getLogger(f"alembic.{revision}")

# Names are those that PostgreSQL gives by itself: a hand-made table has the same.
tables = sa.MetaData()
users = sa.Table(
    "users",
    tables,
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("username", sa.String(50), nullable=False),
    sa.Column("hashed_password", sa.String(255), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.PrimaryKeyConstraint("id", name="users_pkey"),
    sa.UniqueConstraint("username", name="users_username_key"),
)
traffic_data = sa.Table(
    "traffic_data",
    tables,
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("road_name", sa.String(100), nullable=False),
    sa.Column("vehicle_count", sa.Integer, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("id", name="traffic_data_pkey"),
)

MARK = re.compile(rf"\n?\[{revision} found: ([^]]*)\]")


def upgrade() -> None:
    if op.get_context().as_sql:
        op.execute(REMEMBER.replace("VERSION_TABLE", version_table()))
    else:
        check_users()
        inspector = sa.inspect(op.get_bind())
        found = [table.name for table in (users, traffic_data) if inspector.has_table(table.name)]
        comment = forget(version_comment())
        set_version_comment(f"{comment}\n[{revision} found: {', '.join(found) or 'nothing'}]".lstrip("\n"))

    op.execute(CreateTable(users, if_not_exists=True))
    op.create_table(
        "token_llm",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(50), nullable=False),
        sa.Column("name", sa.String(100)),
        sa.Column("token", sa.String(512), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="token_llm_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="token_llm_user_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("ix_token_llm_user_id", "token_llm", ["user_id"])
    op.execute(DropTable(traffic_data, if_exists=True))


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS token_llm")
    if op.get_context().as_sql:
        op.execute(RESTORE.replace("VERSION_TABLE", version_table()).replace("TRAFFIC_DATA", create_traffic_data()))
        return
    comment = version_comment()
    mark = MARK.search(comment)
    if mark is None:
        log.warning("Nothing says what was there before this revision: users stays if it has rows.")
        keep_users = op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM users)"))
    else:
        keep_users = "users" in mark[1]
    if not keep_users:
        op.drop_table("users")
    if mark is not None and "traffic_data" in mark[1]:
        op.execute(CreateTable(traffic_data))
        log.info("traffic_data is back without its rows.")
    set_version_comment(forget(comment))


def check_users() -> None:
    """Refuse a `users` that token_llm cannot refer to, or that the models do not fit."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("users"):
        return
    present = {column["name"] for column in inspector.get_columns("users")}
    missing = [column.name for column in users.columns if column.name not in present]
    if missing:
        raise CommandError(
            f"The table users exists, but lacks {', '.join(missing)}. Nothing was changed. "
            "Add what is missing, or rename that table, and upgrade again."
        )
    if inspector.get_pk_constraint("users")["constrained_columns"] != ["id"]:
        raise CommandError(
            "The table users exists, but its primary key is not id. Nothing was changed. "
            "Give it that primary key, or rename that table, and upgrade again."
        )


def version_comment() -> str:
    context = op.get_context()
    comment = sa.inspect(op.get_bind()).get_table_comment(context.version_table, schema=context.version_table_schema)
    return comment["text"] or ""


def set_version_comment(comment: str) -> None:
    context = op.get_context()
    op.create_table_comment(context.version_table, comment or None, schema=context.version_table_schema)


def forget(comment: str) -> str:
    """Return the comment without this revision's part of it: the rest is somebody else's."""
    return MARK.sub("", comment)


# What follows is for `--sql` only: a script that is written without a database must look for itself.

REMEMBER = r"""
DO $$
DECLARE
  version_table regclass := VERSION_TABLE;
  here text := quote_ident(current_schema()) || '.';
  comment text := coalesce(obj_description(version_table, 'pg_class'), '');
  missing text;
  found text := '';
BEGIN
  IF to_regclass(here || 'users') IS NOT NULL THEN
    SELECT string_agg(wanted, ', ' ORDER BY place) INTO missing
    FROM unnest(ARRAY['id', 'username', 'hashed_password', 'created_at']) WITH ORDINALITY AS _ (wanted, place)
    WHERE NOT EXISTS (
      SELECT FROM pg_attribute
      WHERE attrelid = to_regclass(here || 'users') AND attname = wanted AND NOT attisdropped
    );
    IF missing IS NOT NULL THEN
      RAISE EXCEPTION USING MESSAGE =
        'The table users exists, but lacks ' || missing || '. Nothing was changed.';
    END IF;
    found := 'users';
  END IF;
  IF to_regclass(here || 'traffic_data') IS NOT NULL THEN
    found := concat_ws(', ', nullif(found, ''), 'traffic_data');
  END IF;
  comment := regexp_replace(comment, '\n?\[REVISION found: [^]]*\]', '', 'g');
  EXECUTE 'COMMENT ON TABLE ' || version_table || ' IS ' || quote_literal(concat_ws(E'\n',
    nullif(comment, ''), '[REVISION found: ' || coalesce(nullif(found, ''), 'nothing') || ']'));
END $$
""".strip().replace("REVISION", revision)

RESTORE = r"""
DO $$
DECLARE
  version_table regclass := VERSION_TABLE;
  comment text := coalesce(obj_description(version_table, 'pg_class'), '');
  found text := substring(comment from '\[REVISION found: ([^]]*)\]');
  keep_users boolean;
BEGIN
  IF found IS NULL THEN
    SELECT EXISTS (SELECT FROM users) INTO keep_users;
  ELSE
    keep_users := strpos(found, 'users') > 0;
  END IF;
  IF NOT keep_users THEN
    DROP TABLE users;
  END IF;
  IF strpos(found, 'traffic_data') > 0 THEN
    TRAFFIC_DATA;
  END IF;
  EXECUTE 'COMMENT ON TABLE ' || version_table || ' IS '
    || quote_literal(regexp_replace(comment, '\n?\[REVISION found: [^]]*\]', '', 'g'));
END $$
""".strip().replace("REVISION", revision)


def version_table() -> str:
    """Return the version table's name as an SQL string, to be cast to regclass."""
    context = op.get_context()
    quote = context.dialect.identifier_preparer.quote
    name = ".".join(quote(part) for part in (context.version_table_schema, context.version_table) if part)
    return "'" + name.replace("'", "''") + "'"


def create_traffic_data() -> str:
    return str(CreateTable(traffic_data).compile(dialect=op.get_context().dialect)).strip()
