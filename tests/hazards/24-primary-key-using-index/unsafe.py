from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_ticket_idx")
