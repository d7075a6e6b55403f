from alembic import op


def upgrade():
    op.execute("ALTER TYPE shop.order_status ADD VALUE IF NOT EXISTS 'draft' BEFORE 'new'")
    op.alter_column("orders", "status", server_default="draft", schema="shop")
