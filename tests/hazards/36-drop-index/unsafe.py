from alembic import op


def upgrade():
    op.drop_index("orders_placed_at_idx", "orders", schema="shop")
