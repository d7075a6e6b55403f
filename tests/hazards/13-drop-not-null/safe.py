import sqlalchemy as sa
from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "amount", server_default=sa.text("0"), schema="shop")
