from alembic import op


def upgrade():
    op.drop_constraint("orders_customer_id_fkey", "orders", schema="shop", type_="foreignkey")
