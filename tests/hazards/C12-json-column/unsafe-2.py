import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "drafts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("body", sa.JSON, nullable=False),
        schema="shop",
    )
