from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.orders ALTER COLUMN amount TYPE numeric(12,4), ALTER COLUMN coupon TYPE varchar(10)")
