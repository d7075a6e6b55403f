from alembic import op


def upgrade():
    op.create_index("visits_number_idx", "visits", ["number"], unique=True, schema="shop")
