from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("events_kind_idx", "events", ["kind"], schema="shop", postgresql_concurrently=True)
