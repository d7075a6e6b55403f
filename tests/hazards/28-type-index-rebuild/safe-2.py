from alembic import op
from sqlalchemy.dialects import postgresql


def upgrade_1():
    with op.get_context().autocommit_block():
        op.drop_index("visits_page_idx", "visits", schema="shop", postgresql_concurrently=True)


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("visits", "page", type_=postgresql.CITEXT, schema="shop")


def upgrade_3():
    with op.get_context().autocommit_block():
        op.create_index("visits_page_idx", "visits", ["page"], schema="shop", postgresql_concurrently=True)
