"""index the name, concurrently"""

from alembic import op

revision = "ac0000000002"
down_revision = "ac0000000001"


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("ix_customer_name", "customer", ["name"], postgresql_concurrently=True)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("ix_customer_name", table_name="customer", postgresql_concurrently=True)
