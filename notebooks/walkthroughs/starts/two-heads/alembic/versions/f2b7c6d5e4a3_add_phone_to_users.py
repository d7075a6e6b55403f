"""add phone to users

Revision ID: f2b7c6d5e4a3
Revises: 54be4477c094
Create Date: 2026-02-03 11:05:17.264410+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "f2b7c6d5e4a3"
down_revision = "54be4477c094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("phone", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "phone")
