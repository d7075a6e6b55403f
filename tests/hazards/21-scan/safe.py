from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("visits_customer_id_fkey", "visits", schema="shop", type_="foreignkey")
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


def upgrade_2():
    op.execute("ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey")
