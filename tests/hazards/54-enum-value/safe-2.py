from alembic import op


def upgrade_1():
    op.execute("ALTER TYPE shop.order_status ADD VALUE IF NOT EXISTS 'draft' BEFORE 'new'")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "status", server_default="draft", schema="shop")
