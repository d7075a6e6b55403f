from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.visits ADD COLUMN note text")
    op.get_bind().exec_driver_sql("SELECT placed_at FROM shop.orders WHERE id = 1")
