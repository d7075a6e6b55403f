import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("contact", sa.Text()), schema="shop")
    op.create_check_constraint(
        "orders_contact_email", "orders", "contact LIKE '%_@_%'", schema="shop", postgresql_not_valid=True
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_contact_email")
