from alembic import op


def upgrade_1():
    op.get_bind().exec_driver_sql("SELECT count(*) FROM shop.orders")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.visits ADD COLUMN note text")
