from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders ADD COLUMN external_id text CONSTRAINT orders_external_id_key UNIQUE")
