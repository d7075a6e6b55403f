"""sleep"""

from alembic import op

revision = "b20000000002"
down_revision = "b20000000001"


def upgrade():
    op.execute("SELECT pg_sleep(600)")


def downgrade():
    pass
