import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "coupon", type_=sa.String(30, collation="C"), schema="shop")
