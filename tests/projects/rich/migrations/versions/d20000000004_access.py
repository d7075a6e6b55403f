"""who may see what"""

from alembic import op

revision = "d20000000004"
down_revision = "d20000000003"


def upgrade():
    op.execute(
        "DO $$ BEGIN CREATE ROLE rich_reader NOLOGIN; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute("GRANT SELECT ON person TO rich_reader")
    op.execute("ALTER TABLE person ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY person_glad ON person FOR SELECT TO rich_reader USING (mood = 'glad')")
    op.execute("COMMENT ON VIEW glad IS 'those who smile'")


def downgrade():
    op.execute("COMMENT ON VIEW glad IS NULL")
    op.execute("DROP POLICY person_glad ON person")
    op.execute("ALTER TABLE person DISABLE ROW LEVEL SECURITY")
    op.execute("REVOKE SELECT ON person FROM rich_reader")
