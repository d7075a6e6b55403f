from alembic import op


def upgrade():
    op.create_check_constraint("orders_amount_positive", "orders", "amount >= 0", schema="shop")
