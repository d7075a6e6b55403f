from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER SEQUENCE shop.invoice_numbers INCREMENT BY 10")


def upgrade_2():
    with op.get_context().autocommit_block():
        op.create_index("visits_seen_at_idx", "visits", ["seen_at"], schema="shop", postgresql_concurrently=True)
