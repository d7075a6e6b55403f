from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.drop_index("orders_placed_at_idx", "orders", schema="shop", if_exists=True, postgresql_concurrently=True)
        op.drop_index("visits_page_idx", "visits", schema="shop", if_exists=True, postgresql_concurrently=True)
