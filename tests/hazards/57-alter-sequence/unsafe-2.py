from alembic import op


def upgrade():
    op.execute("ALTER SEQUENCE shop.orders_id_seq CACHE 20")
    op.execute("UPDATE shop.orders SET note = note || '.' WHERE status = 'closed'")
