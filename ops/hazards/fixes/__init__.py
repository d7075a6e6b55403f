"""The way round: Alembic code to paste, built from the actual names. Pure text."""
