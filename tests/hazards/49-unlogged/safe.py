import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "visits_today",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.String(100), nullable=False),
        schema="shop",
        prefixes=["UNLOGGED"],
    )
