import sqlalchemy as sa
from alembic import op


def upgrade():
    op.add_column("orders", sa.Column("imported_at", sa.DateTime(timezone=True)), schema="shop")
    op.alter_column("orders", "imported_at", server_default=sa.func.now(), schema="shop")
