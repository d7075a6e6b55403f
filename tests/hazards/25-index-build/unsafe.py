from alembic import op


def upgrade():
    op.create_exclude_constraint("visits_number_once", "visits", ("number", "="), schema="shop", using="btree")
