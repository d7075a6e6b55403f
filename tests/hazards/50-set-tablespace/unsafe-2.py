from alembic import op


def upgrade():
    op.execute("ALTER TABLE shop.visits SET TABLESPACE shelf")
