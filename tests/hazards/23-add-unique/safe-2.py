from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.create_index("visits_pkey", "visits", ["number"], unique=True, schema="shop", postgresql_concurrently=True)


def upgrade_2():
    op.execute("ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_pkey")
