from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.customers, shop.orders IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("orders_customer_id_fkey", "orders", schema="shop", type_="foreignkey")
