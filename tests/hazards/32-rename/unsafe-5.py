from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders OWNER TO pg_database_owner")
