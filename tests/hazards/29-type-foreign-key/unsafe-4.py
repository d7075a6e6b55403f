import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("warehouses", "id", type_=sa.BigInteger, schema="shop")
