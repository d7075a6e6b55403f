import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column(
        "orders",
        sa.Column("receipt", sa.BigInteger, server_default=sa.text("nextval('shop.invoice_numbers')")),
        schema="shop",
    )
