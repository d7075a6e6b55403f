from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", Column("details", JSONB), schema="shop")
