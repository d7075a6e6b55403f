"""add age to users

Revision ID: c8d1e6047f5a
Revises: a3c5f7e91b24
Create Date: 2025-11-04 10:22:18
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c8d1e6047f5a"
down_revision: str | Sequence[str] | None = "a3c5f7e91b24"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("users", sa.Column("age", sa.Integer, nullable=True))


def downgrade() -> None:
    op.drop_column("users", "age")
