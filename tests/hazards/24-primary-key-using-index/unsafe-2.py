from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_once_idx")
