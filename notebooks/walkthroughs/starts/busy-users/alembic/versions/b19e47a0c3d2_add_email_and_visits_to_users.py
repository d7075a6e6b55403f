"""add email and visits to users

Revision ID: b19e47a0c3d2
Revises: 54be4477c094
Create Date: 2026-02-03 09:12:44.120931+00:00
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b19e47a0c3d2"
down_revision = "54be4477c094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.String(length=255), nullable=True))
    op.add_column("users", sa.Column("visits", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("users", "visits")
    op.drop_column("users", "email")
