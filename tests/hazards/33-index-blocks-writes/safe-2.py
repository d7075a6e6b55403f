from alembic import op


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index(
            "visits_number_idx", "visits", ["number"], unique=True, schema="shop", postgresql_concurrently=True
        )
