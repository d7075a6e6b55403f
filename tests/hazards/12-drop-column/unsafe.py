from alembic import op


def upgrade():
    op.drop_column("orders", "warehouse_id", schema="shop")
