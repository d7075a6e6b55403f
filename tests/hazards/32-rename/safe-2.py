from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.rename_table("visits", "page_views", schema="shop")
    op.execute("CREATE VIEW shop.visits AS SELECT * FROM shop.page_views")
