from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.orders, shop.invoices IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("invoices_order_id_fkey", "invoices", schema="shop", type_="foreignkey")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("invoices", schema="shop")
