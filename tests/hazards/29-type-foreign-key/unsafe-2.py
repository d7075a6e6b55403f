import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("sources", "code", type_=sa.String(20), schema="shop")
