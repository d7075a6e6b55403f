from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP VIEW shop.unsent_orders")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("orders", "sent_on", schema="shop")
