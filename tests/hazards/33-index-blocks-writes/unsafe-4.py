import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text),
        schema="shop",
    )
    op.create_index("refunds_reason_idx", "refunds", ["reason"], schema="shop")
