from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE shop.order_status ADD VALUE 'shipped'")
