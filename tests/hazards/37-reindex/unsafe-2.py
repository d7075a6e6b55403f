from alembic import op


def upgrade():
    op.execute("REINDEX TABLE shop.visits")
