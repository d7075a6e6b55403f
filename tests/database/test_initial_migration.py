"""The initial migration: whatever it starts from, one catalog; and back to what it started from."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine, text

from ops.embedded.binaries import folder_of, majors
from ops.settings import ours

ROOT = Path(__file__).resolve().parents[2]
BINARIES = folder_of(majors()[-1])

USERS = """
CREATE TABLE users (
    id serial PRIMARY KEY,
    username varchar(50) NOT NULL UNIQUE,
    hashed_password varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO users (username, hashed_password) VALUES ('ann', 'x'), ('bình', 'y');
"""
TRAFFIC_DATA = """
CREATE TABLE traffic_data (
    id serial PRIMARY KEY,
    road_name varchar(100) NOT NULL,
    vehicle_count integer NOT NULL,
    recorded_at timestamptz
);
INSERT INTO traffic_data (road_name, vehicle_count) VALUES ('A1', 3), ('A2', 4);
"""
STARTS = {
    "empty": "",
    "legacy": USERS + TRAFFIC_DATA,
    "users only": USERS,
    "traffic_data only": TRAFFIC_DATA,
    "legacy without rows": USERS + TRAFFIC_DATA + "DELETE FROM users; DELETE FROM traffic_data;",
}
REFUSED = {
    "users lacks columns": (
        "CREATE TABLE users (id serial PRIMARY KEY, username text)",
        "lacks hashed_password, created_at",
    ),
    "users has another key": (
        USERS + "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (username)",
        "primary key is not id|no unique constraint",
    ),
    "users is a view": (
        "CREATE VIEW users AS SELECT 1 AS id, 'a' AS username, 'b' AS hashed_password, now() AS created_at",
        "primary key is not id|not a table",
    ),
}


class Migrated:
    """One database, and this project's migrations on it: run, or written as a script for psql."""

    def __init__(self, url: str) -> None:
        self.url = ours(url).url
        self.libpq = self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def config(self, **options: object) -> Config:
        config = Config(**options)  # no file: fileConfig would take pytest's log handlers away
        config.set_main_option("script_location", str(ROOT / "alembic").replace("%", "%%"))
        url = self.url.render_as_string(hide_password=False)
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        return config

    def run(self, direction: str) -> None:
        if direction == "up":
            command.upgrade(self.config(), "head")
        else:
            command.downgrade(self.config(), "base")

    def run_script(self, direction: str) -> None:
        script = io.StringIO()
        config = self.config(output_buffer=script)
        if direction == "up":
            if self.version_table:
                self.execute("DROP TABLE alembic_version")  # a script from base makes it
            command.upgrade(config, "head", sql=True)
        else:
            command.downgrade(config, "head:base", sql=True)
        self.psql(script.getvalue())

    def psql(self, script: str) -> None:
        subprocess.run(
            [BINARIES / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.libpq],
            input=script,
            text=True,
            encoding="utf-8",
            capture_output=True,
            check=True,
        )

    def execute(self, sql: str) -> None:
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.exec_driver_sql(sql)
        engine.dispose()

    def query(self, sql: str) -> object:
        """Return the one value that a query gives."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            value = connection.scalar(text(sql))
        engine.dispose()
        return value

    def catalog(self) -> list[str]:
        """Return what pg_dump says of the schema, sorted, without the version table."""
        dump = subprocess.run(
            [BINARIES / "pg_dump", "-s", "-T", "alembic_version", "-d", self.libpq],
            text=True,
            capture_output=True,
            check=True,
        )
        # \restrict has a random key.
        return sorted(line for line in dump.stdout.splitlines() if line and "restrict " not in line)

    def reset(self, sql: str) -> None:
        self.execute("DROP TABLE IF EXISTS token_llm, users, traffic_data, alembic_version")
        if sql:
            self.execute(sql)

    @property
    def version_table(self) -> object:
        """The version table, if there is one: older Alembic's script to base drops it at the end."""
        return self.query("SELECT to_regclass('alembic_version')")

    @property
    def comment(self) -> object:
        return self.query("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")


@pytest.fixture
def migrated(database: str) -> Migrated:
    return Migrated(database)


@pytest.mark.parametrize("way", [Migrated.run, Migrated.run_script], ids=["run", "script"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_one_catalog_and_back(migrated: Migrated, start: str, way: Callable[[Migrated, str], None]) -> None:
    migrated.run("up")
    wanted = migrated.catalog()
    migrated.reset(start)
    before = migrated.catalog()
    rows = migrated.query("SELECT count(*) FROM users") if "TABLE users" in start else 0

    way(migrated, "up")
    up = migrated.catalog()
    kept = migrated.query("SELECT count(*) FROM users")
    way(migrated, "down")
    down = migrated.catalog()
    left = migrated.query("SELECT count(*) FROM alembic_version") if migrated.version_table else 0
    comment = migrated.comment
    kept_down = migrated.query("SELECT count(*) FROM users") if "TABLE users" in start else rows
    way(migrated, "up")

    assert up == wanted
    assert kept == kept_down == rows
    assert down == before
    assert (left, comment) == (0, None)
    assert migrated.catalog() == wanted


@pytest.mark.parametrize(("start", "problem"), REFUSED.values(), ids=REFUSED)
def test_another_users_is_refused(migrated: Migrated, start: str, problem: str) -> None:
    migrated.execute(start)
    before = migrated.catalog()

    with pytest.raises(CommandError, match=problem):
        migrated.run("up")
    after_run = migrated.catalog()
    with pytest.raises(subprocess.CalledProcessError) as script:
        migrated.run_script("up")

    assert after_run == migrated.catalog() == before
    assert any(part in script.value.stderr for part in problem.split("|"))


@pytest.mark.parametrize("way", [Migrated.run, Migrated.run_script], ids=["run", "script"])
def test_somebody_elses_comment_stays(migrated: Migrated, way: Callable[[Migrated, str], None]) -> None:
    theirs = "owned by the platform team [see wiki]: 100% 'theirs'"
    migrated.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    quoted = theirs.replace("'", "''").replace("%", "%%")
    migrated.execute(f"COMMENT ON TABLE alembic_version IS '{quoted}'")
    migrated.run("up")
    up = migrated.comment

    way(migrated, "down")

    assert up == f"{theirs}\n[54be4477c094 found: nothing]"
    assert migrated.comment == theirs or not migrated.version_table


@pytest.mark.parametrize("way", [Migrated.run, Migrated.run_script], ids=["run", "script"])
@pytest.mark.parametrize("rows", [0, 2])
def test_without_the_mark_users_stays_if_it_has_rows(
    migrated: Migrated, rows: int, way: Callable[[Migrated, str], None]
) -> None:
    migrated.execute(USERS + TRAFFIC_DATA)
    migrated.run("up")
    migrated.execute("COMMENT ON TABLE alembic_version IS NULL")
    if not rows:
        migrated.execute("DELETE FROM users")

    way(migrated, "down")

    assert migrated.query("SELECT to_regclass('users') IS NOT NULL") == bool(rows)
    assert migrated.query("SELECT to_regclass('traffic_data')") is None


def test_deleting_a_user_deletes_the_tokens(migrated: Migrated) -> None:
    migrated.run("up")
    migrated.execute(USERS.partition(";")[2])
    migrated.execute("INSERT INTO token_llm (user_id, provider, token) SELECT id, 'p', 't' FROM users")

    migrated.execute("DELETE FROM users WHERE username = 'ann'")

    assert migrated.query("SELECT count(*) FROM token_llm") == 1


def test_models_and_head_agree(migrated: Migrated) -> None:
    migrated.run("up")

    command.check(migrated.config())


def test_a_given_connection_is_used(migrated: Migrated) -> None:
    config = migrated.config()
    config.set_main_option("sqlalchemy.url", "postgresql://localhost:1/nowhere")
    engine = create_engine(migrated.url)

    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()

    assert migrated.query("SELECT to_regclass('users') IS NOT NULL")
