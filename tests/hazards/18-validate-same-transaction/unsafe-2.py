from alembic import op


def upgrade():
    op.create_foreign_key(
        "visits_customer_id_fkey",
        "visits",
        "customers",
        ["customer_id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )
    op.execute("ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey")
