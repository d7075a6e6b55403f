from alembic import op


def upgrade():
    op.execute(
        "CREATE TABLE shop.events_2027 PARTITION OF shop.events"
        " FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00')"
    )
