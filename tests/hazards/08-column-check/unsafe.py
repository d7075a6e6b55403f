import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column("orders", sa.Column("discount", sa.Integer, sa.CheckConstraint("discount >= 0")), schema="shop")
