"""add email to users

Revision ID: a3c5f7e91b24
Revises: 54be4477c094
Create Date: 2025-10-20 14:05:41
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "a3c5f7e91b24"
down_revision: str | Sequence[str] | None = "54be4477c094"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.String(255), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "email")
