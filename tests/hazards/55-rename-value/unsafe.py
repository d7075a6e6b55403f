from alembic import op


def upgrade():
    op.execute("ALTER TYPE shop.order_status RENAME VALUE 'sent' TO 'shipped'")
