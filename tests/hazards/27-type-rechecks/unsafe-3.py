import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "currency", type_=sa.String(10), schema="shop")
