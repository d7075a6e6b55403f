from alembic import op


def upgrade():
    op.create_unique_constraint("visits_number_key", "visits", ["number"], schema="shop")
