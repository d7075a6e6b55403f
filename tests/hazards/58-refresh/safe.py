from alembic import op


def upgrade():
    op.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY shop.product_sales")
