from alembic import op


def upgrade():
    op.create_index("orders_sent_on_idx", "orders", ["sent_on"], schema="shop", postgresql_concurrently=True)
