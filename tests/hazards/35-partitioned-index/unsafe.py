from alembic import op


def upgrade():
    op.create_index("events_kind_idx", "events", ["kind"], schema="shop")
