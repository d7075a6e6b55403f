from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE shop.readings DETACH PARTITION shop.readings_2025 CONCURRENTLY")
