import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.create_table(
        "remarks",
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("remark", sa.Text, nullable=False),
        schema="shop",
    )


def upgrade_2():
    with op.get_context().autocommit_block():
        op.create_index("visits_seen_at_idx", "visits", ["seen_at"], schema="shop", postgresql_concurrently=True)


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_foreign_key(
        "remarks_customer_id_fkey",
        "remarks",
        "customers",
        ["customer_id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_4():
    op.execute("ALTER TABLE shop.remarks VALIDATE CONSTRAINT remarks_customer_id_fkey")
