from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.create_index(
            "visits_customer_id_idx", "visits", ["customer_id"], schema="shop", postgresql_concurrently=True
        )


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
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


def upgrade_3():
    op.execute("ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_customer_id_fkey")


def upgrade_4():
    with op.get_context().autocommit_block():
        op.execute("INSERT INTO shop.customers (name, email, country) VALUES ('Nobody', 'nobody@example.org', 'AT')")
        op.execute("DELETE FROM shop.customers WHERE email = 'nobody@example.org'")
