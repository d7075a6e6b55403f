from alembic import op


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE shop.visits ADD COLUMN note text")
    op.execute("CREATE TABLE shop.cities (city text)")
    op.execute("INSERT INTO shop.cities SELECT DISTINCT note FROM shop.orders")
