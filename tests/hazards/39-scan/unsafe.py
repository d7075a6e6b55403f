from alembic import op


def upgrade():
    op.execute(
        "ALTER TABLE shop.events ATTACH PARTITION shop.events_2027"
        " FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00')"
    )
