import sqlalchemy as sa
from alembic import op


def upgrade():
    op.execute("SET LOCAL TIME ZONE 'UTC'")
    op.alter_column("visits", "seen_at", type_=sa.DateTime(timezone=True), schema="shop")
