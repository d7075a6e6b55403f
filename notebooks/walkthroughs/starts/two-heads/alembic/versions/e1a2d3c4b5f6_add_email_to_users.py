"""add email to users

Revision ID: e1a2d3c4b5f6
Revises: 54be4477c094
Create Date: 2026-02-03 09:40:17.264410+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "e1a2d3c4b5f6"
down_revision = "54be4477c094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.String(length=255), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "email")
