from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.create_index(
            "visits_number_once", "visits", ["number"], unique=True, schema="shop", postgresql_concurrently=True
        )


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.visits ADD CONSTRAINT visits_number_once UNIQUE USING INDEX visits_number_once")
