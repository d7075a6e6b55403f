from alembic import op


def upgrade():
    op.create_index("orders_note_idx", "orders", ["note"], schema="shop")
