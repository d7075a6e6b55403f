import sqlalchemy as sa
from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index(
            "orders_unsent_idx",
            "orders",
            [sa.text("lower(note)")],
            schema="shop",
            postgresql_where=sa.text("sent_on IS NULL AND amount > 299"),
            postgresql_concurrently=True,
        )
