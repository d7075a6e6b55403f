from alembic import op


def upgrade():
    op.create_foreign_key(
        "orders_referrer_id_fkey",
        "orders",
        "customers",
        ["referrer_id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
    )
