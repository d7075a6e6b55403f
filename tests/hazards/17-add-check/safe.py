from alembic import op


def upgrade_1():
    op.create_check_constraint(
        "orders_amount_positive", "orders", "amount >= 0", schema="shop", postgresql_not_valid=True
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_amount_positive")
