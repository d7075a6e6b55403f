from alembic import op


def upgrade():
    op.execute("CREATE TABLE shop.visits_2027 (LIKE shop.visits) TABLESPACE shelf")
