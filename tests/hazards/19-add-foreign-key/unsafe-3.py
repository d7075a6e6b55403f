from alembic import op


def upgrade():
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
