"""create person, with types of its own"""

from alembic import op

revision = "d20000000001"
down_revision = None


def upgrade():
    op.execute("CREATE TYPE mood AS ENUM ('glad', 'sad')")
    op.execute("CREATE DOMAIN amount AS numeric(10, 2) CHECK (VALUE >= 0)")
    op.execute(
        "CREATE TABLE person (id serial PRIMARY KEY, name varchar(100) NOT NULL, mood mood, credit amount DEFAULT 0,"
        " CONSTRAINT person_name_long CHECK (length(name) > 1))"
    )


def downgrade():
    op.execute("DROP TABLE person")
    op.execute("DROP DOMAIN amount")
    op.execute("DROP TYPE mood")
