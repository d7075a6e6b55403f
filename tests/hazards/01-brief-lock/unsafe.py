import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column("orders", sa.Column("weight", sa.Integer), schema="shop")
