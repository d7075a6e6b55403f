"""amounts are positive, and purchases are found by customer"""

from alembic import op

revision = "e10000000003"
down_revision = "e10000000002"


def upgrade():
    with op.batch_alter_table("purchase") as batch:
        batch.create_check_constraint(op.f("ck_purchase_positive"), "amount > 0")
        batch.create_index("ix_purchase_customer", ["customer_id"])


def downgrade():
    with op.batch_alter_table("purchase") as batch:
        batch.drop_index("ix_purchase_customer")
        batch.drop_constraint(op.f("ck_purchase_positive"), type_="check")
