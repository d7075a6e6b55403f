"""fill email (data)"""

from alembic import op

revision = "a10000000004"
down_revision = "a10000000003"


def upgrade():
    op.execute("UPDATE customer SET email = lower(name) || id || '@example.com' WHERE email IS NULL")


def downgrade():
    op.execute("UPDATE customer SET email = NULL WHERE email LIKE '%@example.com'")
