from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("REINDEX (TABLESPACE shelf) INDEX CONCURRENTLY shop.orders_placed_at_idx")
