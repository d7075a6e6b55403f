from alembic import op


def upgrade_1():
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE shop.visits SET UNLOGGED")


def upgrade_2():
    op.execute("ALTER TABLE shop.visits SET LOGGED")
