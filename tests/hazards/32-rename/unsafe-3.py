from alembic import op


def upgrade():
    op.execute("CREATE SCHEMA archive")
    op.execute("ALTER TABLE shop.customers SET SCHEMA archive")
