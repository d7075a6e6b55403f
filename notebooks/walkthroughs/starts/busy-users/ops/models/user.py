"""The people who may sign in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ops.models.base import Base

if TYPE_CHECKING:
    from ops.models.token_llm import TokenLLM


class User(Base):
    """One account."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(50), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    visits: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    # The database itself removes a user's tokens: loading them first would only cost time.
    tokens: Mapped[list[TokenLLM]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )
