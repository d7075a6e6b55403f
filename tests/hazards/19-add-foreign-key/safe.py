from alembic import op


def upgrade_1():
    op.create_foreign_key(
        "orders_referrer_id_fkey",
        "orders",
        "customers",
        ["referrer_id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_referrer_id_fkey")
