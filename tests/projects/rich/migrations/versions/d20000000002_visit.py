"""create visit, partitioned"""

from alembic import op

revision = "d20000000002"
down_revision = "d20000000001"


def upgrade():
    op.execute(
        "CREATE TABLE visit (person_id integer NOT NULL, day date NOT NULL DEFAULT CURRENT_DATE)"
        " PARTITION BY RANGE (day)"
    )
    for year in (2025, 2026):
        op.execute(
            f"CREATE TABLE visit_{year} PARTITION OF visit FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
        )


def downgrade():
    op.execute("DROP TABLE visit")
