from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        for first in range(1, 20000, 5000):
            op.execute(f"UPDATE shop.orders SET note = upper(note) WHERE id BETWEEN {first} AND {first + 4999}")
