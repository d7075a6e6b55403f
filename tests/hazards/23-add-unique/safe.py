from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.create_index(
            "visits_number_key", "visits", ["number"], unique=True, schema="shop", postgresql_concurrently=True
        )


def upgrade_2():
    op.execute("ALTER TABLE shop.visits ADD CONSTRAINT visits_number_key UNIQUE USING INDEX visits_number_key")
