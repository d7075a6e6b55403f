import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.add_column("orders", sa.Column("external_id", sa.Text), schema="shop")


def upgrade_2():
    with op.get_context().autocommit_block():
        op.create_index(
            "orders_external_id_key",
            "orders",
            ["external_id"],
            unique=True,
            schema="shop",
            postgresql_concurrently=True,
        )


def upgrade_3():
    op.execute(
        "ALTER TABLE shop.orders ADD CONSTRAINT orders_external_id_key UNIQUE USING INDEX orders_external_id_key"
    )
