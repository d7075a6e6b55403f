from alembic import op


def upgrade():
    op.rename_table("orders_placed_at_idx", "orders_by_time", schema="shop")
