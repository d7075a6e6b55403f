import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "warehouse_id", type_=sa.BigInteger, schema="shop")
