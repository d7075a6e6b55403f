from alembic import op


def upgrade():
    op.rename_table("visits", "page_views", schema="shop")
