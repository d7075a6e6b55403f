from alembic import op
from sqlalchemy.dialects import postgresql


def upgrade():
    op.alter_column("orders", "note", type_=postgresql.JSONB, postgresql_using="to_jsonb(note)", schema="shop")
