from alembic import op


def upgrade():
    op.execute("SET LOCAL session_replication_role = replica")
    op.execute("UPDATE shop.orders SET note = 'sent' WHERE id = 1")
