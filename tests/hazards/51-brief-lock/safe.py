from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.orders SET (fillfactor = 80), ALTER COLUMN note SET STATISTICS 500")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.orders ALTER COLUMN note SET STORAGE EXTERNAL")
