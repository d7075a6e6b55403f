from alembic import op


def upgrade():
    op.execute("CLUSTER shop.visits USING visits_page_idx")
