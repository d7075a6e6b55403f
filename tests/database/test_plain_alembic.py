"""The plain `alembic` command in this project does what every Alembic user expects."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from ops.settings import ours

ROOT = Path(__file__).resolve().parents[2]
ALEMBIC = Path(sys.executable).with_name("alembic")
FIRST = "54be4477c094"

VEHICLE = '''"""Vehicles."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ops.models.base import Base


class Vehicle(Base):
    __tablename__ = "vehicle"

    id: Mapped[int] = mapped_column(primary_key=True)
    plate: Mapped[str] = mapped_column(String(20), unique=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
'''


class Checkout:
    """A copy of the project in a folder of its own, and its `alembic` command."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.folder = folder
        self.url = ours(url).url if url else None
        without_caches = shutil.ignore_patterns("__pycache__")
        for name in ("alembic", "ops"):
            shutil.copytree(ROOT / name, folder / name, ignore=without_caches)
        shutil.copy(ROOT / "alembic.ini", folder)

    def spelled(self, drivername: str, **query: str) -> str:
        """Return the database's URL as another driver's user would write it."""
        url = self.url.set(drivername=drivername).update_query_dict(query)
        return url.render_as_string(hide_password=False)

    def fails(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        """Return what a command that fails prints."""
        done = self._run(arguments, cwd, environment)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def __call__(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        """Return what a command that succeeds prints on standard output."""
        done = self._run(arguments, cwd, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run(
        self, arguments: tuple[str, ...], cwd: Path | None, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        base = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "OPS_HOME", "OPS_EMBEDDED_DIR")
            and not name.startswith(("LC_", "LANG", "PYTHON"))
        }
        if self.url is not None and "DATABASE_URL" not in environment:
            environment["DATABASE_URL"] = self.spelled("postgresql+asyncpg")
        base.update({name: value for name, value in environment.items() if value})
        return subprocess.run(
            [ALEMBIC, *arguments],
            cwd=cwd or self.folder,
            env=base,
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    def versions(self) -> dict[str, Path]:
        return {file.name.partition("_")[0]: file for file in (self.folder / "alembic" / "versions").glob("*.py")}

    def tables(self) -> set[str]:
        engine = create_engine(self.url)
        names = set(inspect(engine).get_table_names())
        engine.dispose()
        return names


@pytest.fixture
def alembic(tmp_path: Path, database: str) -> Checkout:
    folder = tmp_path / "with a space"
    folder.mkdir()
    return Checkout(folder, database)


def test_from_a_new_model_to_base(alembic: Checkout) -> None:
    assert alembic("current") == ""
    alembic("upgrade", "head")
    assert f"{FIRST} (head)" in alembic("current")
    alembic("check")

    (alembic.folder / "ops" / "models" / "vehicle.py").write_text(VEHICLE, encoding="utf-8")
    base = alembic.folder / "ops" / "models" / "base.py"
    base.write_text(base.read_text("utf-8") + "from ops.models import vehicle  # noqa\n", encoding="utf-8")
    assert "New upgrade operations detected" in alembic.fails("check")
    alembic("revision", "--autogenerate", "-m", "Add vehicle")
    (second,) = set(alembic.versions()) - {FIRST}
    written = alembic.versions()[second].read_text("utf-8")
    for name in ("vehicle_pkey", "vehicle_plate_key", "vehicle_owner_id_fkey"):
        assert name in written
    assert "users" not in re.sub(r"\['users.id'\]", "", written), "only the new table differs"

    alembic("upgrade", "+1")
    assert alembic.tables() == {"alembic_version", "users", "token_llm", "vehicle"}
    alembic("check")
    alembic("downgrade", "-1")
    assert alembic.tables() == {"alembic_version", "users", "token_llm"}
    alembic("upgrade", second[:6])
    alembic("downgrade", FIRST)
    alembic("stamp", "head")
    assert f"{second} (head)" in alembic("current")
    alembic("stamp", FIRST)
    alembic("downgrade", "base")
    assert alembic.tables() == {"alembic_version"}


@pytest.mark.parametrize("variable", ["LANG", "LC_ALL"])
def test_messages_in_any_language(alembic: Checkout, variable: str) -> None:
    message = 'Thêm cột "email" \\d """x"""'

    alembic("revision", "-m", message, **{variable: "C"})
    history = alembic("history", **{variable: "C"})
    alembic("upgrade", "head", **{variable: "C"})

    (second,) = set(alembic.versions()) - {FIRST}
    assert alembic.versions()[second].name == f"{second}_thêm_cột_email_d_x.py"
    assert f"{FIRST} -> {second} (head), {message}" in history
    assert "<base> -> 54be4477c094, Initial migration" in history


def test_sql_scripts_need_no_database(tmp_path: Path) -> None:
    alembic = Checkout(tmp_path, url=None)

    up = alembic("upgrade", "head", "--sql")
    down = alembic("downgrade", f"{FIRST}:base", "--sql")

    assert "CREATE TABLE IF NOT EXISTS users" in up
    assert "DROP TABLE IF EXISTS traffic_data" in up
    assert "DROP TABLE IF EXISTS token_llm" in down
    assert not (tmp_path / ".ops").exists()


# fmt: off
SPELLINGS = {  #                    driver                options
    "asyncpg with its options":    ("postgresql+asyncpg", {"ssl": "require", "prepared_statement_cache_size": "0"}),
    "the old scheme":              ("postgres",           {}),
    "psycopg with libpq options":  ("postgresql+psycopg", {"connect_timeout": "5"}),
}
# fmt: on


@pytest.mark.parametrize(("driver", "options"), SPELLINGS.values(), ids=SPELLINGS)
def test_database_url_of_any_driver(alembic: Checkout, driver: str, options: dict[str, str]) -> None:
    alembic("upgrade", "head", DATABASE_URL=alembic.spelled(driver, **options))

    assert "users" in alembic.tables()


def test_where_the_url_comes_from(alembic: Checkout, tmp_path: Path) -> None:
    right = alembic.spelled("postgresql+asyncpg", ssl="disable")
    wrong = "postgresql://nobody:hidden%40word@localhost:1/nowhere"
    ini = alembic.folder / "alembic.ini"
    from_elsewhere = ("-c", str(ini))

    (alembic.folder / ".env").write_text(f"DATABASE_URL='{right}'\n", encoding="utf-8")
    alembic(*from_elsewhere, "upgrade", "head", cwd=tmp_path, DATABASE_URL="")
    environment_wins = alembic.fails(*from_elsewhere, "current", cwd=tmp_path, DATABASE_URL=wrong)
    ini.write_text(
        ini.read_text("ascii").replace("sqlalchemy.url =\n", "sqlalchemy.url = " + right.replace("%", "%%")),
        encoding="ascii",
    )
    current = alembic(*from_elsewhere, "current", cwd=tmp_path, DATABASE_URL=wrong)

    assert "hidden" not in environment_wins
    assert FIRST in current


def test_without_a_url_the_sandbox_is_used(tmp_path: Path) -> None:
    alembic = Checkout(tmp_path, url=None)

    alembic("upgrade", "head")

    assert f"{FIRST} (head)" in alembic("current"), "it is kept from one command to the next"
    assert (tmp_path / ".ops").is_dir()


def test_a_url_that_is_none(alembic: Checkout) -> None:
    said = alembic.fails("current", DATABASE_URL="mysql://someone:hidden@localhost/x")

    assert "FAILED: DATABASE_URL" in said
    assert "Next: " in said
    assert "Traceback" not in said
    assert "hidden" not in said
