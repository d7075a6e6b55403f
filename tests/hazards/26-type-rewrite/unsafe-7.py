import sqlalchemy as sa
from alembic import op


def upgrade():
    op.alter_column("orders", "sent_on", type_=sa.DateTime(timezone=True), schema="shop")
