import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "amount", server_default=sa.text("0"), schema="shop")
    op.alter_column("orders", "currency", server_default=None, schema="shop")
