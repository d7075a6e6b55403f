"""views, a function and a trigger"""

from alembic import op

revision = "d20000000003"
down_revision = "d20000000002"


def upgrade():
    op.execute("CREATE VIEW glad AS SELECT id, name FROM person WHERE mood = 'glad' AND id IN (1, 2, 3)")
    op.execute("CREATE MATERIALIZED VIEW per_day AS SELECT day, count(*) AS visits FROM visit GROUP BY day")
    op.execute("CREATE UNIQUE INDEX per_day_day ON per_day (day)")
    op.execute(
        "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.name := btrim(NEW.name); RETURN NEW; END $$"
    )
    op.execute("CREATE TRIGGER person_tidy BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION tidy()")


def downgrade():
    op.execute("DROP TRIGGER person_tidy ON person")
    op.execute("DROP FUNCTION tidy()")
    op.execute("DROP MATERIALIZED VIEW per_day")
    op.execute("DROP VIEW glad")
