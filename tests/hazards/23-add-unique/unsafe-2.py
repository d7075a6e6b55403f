from alembic import op


def upgrade():
    op.create_primary_key("visits_pkey", "visits", ["number"], schema="shop")
