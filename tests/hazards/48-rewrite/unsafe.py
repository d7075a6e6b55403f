from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("VACUUM FULL shop.visits")
