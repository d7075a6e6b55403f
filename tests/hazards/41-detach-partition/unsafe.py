from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.readings DETACH PARTITION shop.readings_2025")
