import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "parcels",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        schema="shop",
    )
