from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("orders_note_idx", "orders", ["note"], schema="shop", postgresql_concurrently=True)
