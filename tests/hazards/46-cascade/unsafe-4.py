from alembic import op


def upgrade():
    op.execute("DROP DOMAIN shop.email CASCADE")
