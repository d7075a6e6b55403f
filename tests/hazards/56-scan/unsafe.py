from alembic import op


def upgrade():
    op.execute("ALTER DOMAIN shop.email ADD CONSTRAINT email_short CHECK (length(VALUE) < 255)")
