from alembic import op


def upgrade_1():
    op.create_foreign_key(
        "events_id_fkey",
        "events",
        "orders",
        ["id"],
        ["id"],
        source_schema="shop",
        referent_schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.events VALIDATE CONSTRAINT events_id_fkey")
