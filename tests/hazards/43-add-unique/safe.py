from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        for partition in ("events_2025", "events_2026", "events_other"):
            op.create_index(
                f"{partition}_pkey",
                partition,
                ["id", "happened_at"],
                unique=True,
                schema="shop",
                postgresql_concurrently=True,
            )


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.events_2025 ADD CONSTRAINT events_2025_pkey PRIMARY KEY USING INDEX events_2025_pkey")


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.events_2026 ADD CONSTRAINT events_2026_pkey PRIMARY KEY USING INDEX events_2026_pkey")


def upgrade_4():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(
        "ALTER TABLE shop.events_other ADD CONSTRAINT events_other_pkey PRIMARY KEY USING INDEX events_other_pkey"
    )


def upgrade_5():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_primary_key("events_pkey", "events", ["id", "happened_at"], schema="shop")
