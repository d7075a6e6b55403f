from alembic import op


def upgrade():
    op.execute(
        "ALTER TABLE shop.orders SET (fillfactor = 80),"
        " ALTER COLUMN note SET STATISTICS 500, ALTER COLUMN note SET STORAGE EXTERNAL"
    )
