"""amounts are positive, and may be large"""

import sqlalchemy as sa
from alembic import op

revision = "d10000000003"
down_revision = "d10000000002"


def upgrade():
    op.create_check_constraint(op.f("ck_purchase_positive"), "purchase", "amount > 0")
    op.alter_column("purchase", "amount", existing_type=sa.Integer, type_=sa.BigInteger, existing_nullable=False)


def downgrade():
    op.alter_column("purchase", "amount", existing_type=sa.BigInteger, type_=sa.Integer, existing_nullable=False)
    op.drop_constraint(op.f("ck_purchase_positive"), "purchase", type_="check")
