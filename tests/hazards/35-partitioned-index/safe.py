from alembic import op


def upgrade_1():
    op.execute("CREATE INDEX events_kind_idx ON ONLY shop.events (kind)")


def upgrade_2():
    with op.get_context().autocommit_block():
        for partition in ("events_2025", "events_2026", "events_other"):
            op.create_index(f"{partition}_kind_idx", partition, ["kind"], schema="shop", postgresql_concurrently=True)


def upgrade_3():
    op.execute("ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_2025_kind_idx")


def upgrade_4():
    op.execute("ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_2026_kind_idx")


def upgrade_5():
    op.execute("ALTER INDEX shop.events_kind_idx ATTACH PARTITION shop.events_other_kind_idx")
