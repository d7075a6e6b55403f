from alembic import op


def upgrade():
    op.execute("ALTER SEQUENCE shop.invoice_numbers INCREMENT BY 10")
    op.create_index("visits_seen_at_idx", "visits", ["seen_at"], schema="shop")
