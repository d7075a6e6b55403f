from alembic import op


def upgrade():
    op.execute("REFRESH MATERIALIZED VIEW shop.product_sales")
