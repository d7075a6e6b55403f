from alembic import op


def upgrade():
    op.create_check_constraint("events_kind_known", "events", "kind <> ''", schema="shop")
