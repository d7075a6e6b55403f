import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "quantity", type_=sa.BigInteger, schema="shop")
