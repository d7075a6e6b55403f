from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.visits ALTER CONSTRAINT visits_customer_id_fkey ENFORCED")
