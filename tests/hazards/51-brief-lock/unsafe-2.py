from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders SET (user_catalog_table = true)")
