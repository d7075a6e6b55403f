from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.drop_index("orders_note_idx", "orders", schema="shop", if_exists=True, postgresql_concurrently=True)
        op.create_index("orders_note_idx", "orders", ["note"], schema="shop", postgresql_concurrently=True)
