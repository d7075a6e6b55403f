from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.drop_index("orders_placed_at_idx", "orders", schema="shop", postgresql_concurrently=True)
