import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "remarks",
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("remark", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["shop.customers.id"], name="remarks_customer_id_fkey"),
        schema="shop",
    )
    op.create_index("visits_seen_at_idx", "visits", ["seen_at"], schema="shop")
