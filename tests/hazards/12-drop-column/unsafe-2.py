from alembic import op


def upgrade():
    op.drop_column("orders", "coupon", schema="shop")
