import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "returns",
        sa.Column("id", sa.BigInteger, autoincrement=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["order_id"], ["shop.orders.id"], name="returns_order_id_fkey"),
        schema="shop",
    )
    op.execute("INSERT INTO shop.returns SELECT id, id, 'damaged' FROM shop.orders WHERE status = 'closed'")
