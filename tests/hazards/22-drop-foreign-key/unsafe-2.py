from alembic import op


def upgrade():
    op.drop_constraint("order_lines_order_id_fkey", "order_lines", schema="shop", type_="foreignkey")
    op.drop_constraint("invoices_order_id_fkey", "invoices", schema="shop", type_="foreignkey", if_exists=True)
