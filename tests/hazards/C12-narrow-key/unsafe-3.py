import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "parcels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        schema="shop",
    )
    op.execute("ALTER SEQUENCE shop.parcels_id_seq RESTART WITH 2147483647")
    op.execute("INSERT INTO shop.parcels (label) VALUES ('the last')")
    op.execute("INSERT INTO shop.parcels (label) VALUES ('one more')")
