from alembic import op
from sqlalchemy.dialects import postgresql


def upgrade():
    op.alter_column("visits", "page", type_=postgresql.CITEXT, schema="shop")
