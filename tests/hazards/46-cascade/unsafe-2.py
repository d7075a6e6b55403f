from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders DROP COLUMN sent_on CASCADE")
