from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_check_constraint(
        "events_other_fits",
        "events_other",
        "happened_at < '2027-01-01 00:00+00' OR happened_at >= '2028-01-01 00:00+00'",
        schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.events_other VALIDATE CONSTRAINT events_other_fits")


def upgrade_3():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("CREATE TABLE shop.events_2027 (LIKE shop.events)")
    op.execute(
        "ALTER TABLE shop.events ATTACH PARTITION shop.events_2027"
        " FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00')"
    )
    op.drop_constraint("events_other_fits", "events_other", schema="shop", type_="check")
