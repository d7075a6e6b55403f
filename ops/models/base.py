"""The base class of every model, and the list of all models: importing `Base` from here loads them all."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

# The names that PostgreSQL itself gives to unnamed constraints. Hand-made tables agree with the models,
# and what autogenerate writes can be dropped by name.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Base of all models; `Base.metadata` is what `alembic` compares a database with."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


# A model that is not imported here does not exist for Alembic. At the end, as each of them imports Base.
from ops.models import token_llm, user  # noqa: E402, F401
