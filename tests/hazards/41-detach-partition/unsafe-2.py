from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE shop.events DETACH PARTITION shop.events_2025 CONCURRENTLY")
