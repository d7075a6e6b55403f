from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP MATERIALIZED VIEW shop.product_sales")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.orders, shop.order_lines IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("order_lines_order_id_fkey", "order_lines", schema="shop", type_="foreignkey")


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE shop.products, shop.order_lines IN ACCESS EXCLUSIVE MODE")
    op.drop_constraint("order_lines_product_id_fkey", "order_lines", schema="shop", type_="foreignkey")


def upgrade_4():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("order_lines", schema="shop")
