"""The three-way comparison on this repository's own project: whose is each difference?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import embedded, replay
from ops.ground import Ground
from ops.threeway import Cause
from ops.values import Verdict
from tests.database.drifting import AUTHOR, Row, Shop, of_this_repository, rows

INITIAL = "54be4477c094"
NEXT = "c0ffee000002"
HAND, AHEAD = "changed-by-hand", "ahead-by-hand"
MODEL, PENDING, UNMANAGED = "model-without-migration", "pending", "unmanaged"


@pytest.fixture(scope="module")
def made(home: Path, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        shop = of_this_repository(tmp_path_factory.mktemp("drift") / "shop", server, f"drift_{os.getpid()}")
        _settle(patch, shop, home)
        shop.write_section()
        shop.prepare()
        yield shop
        shop.drop()


@pytest.fixture
def shop(made: Shop, home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The project as it was committed, its database at the head."""
    _settle(monkeypatch, made, home)
    made.write_section()
    made.renew()
    return made


def _settle(patch: pytest.MonkeyPatch, shop: Shop, home: Path) -> None:
    patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    patch.setenv("OPS_HOME", str(shop.home))
    patch.delenv("DATABASE_URL", raising=False)


def test_a_catalog_is_the_live_side_of_the_comparison(shop: Shop) -> None:
    shop.run("ALTER TABLE users ADD nick text")

    found = shop.target.catalog()

    assert (found.verdict, found.fingerprint) == (Verdict.OK, shop.target.compare().fingerprints["live"])
    columns = found.to_frame().query("kind == 'column'")["object"]
    assert {"public.users.nick", "public.token_llm.token"} <= {*columns}
    assert not columns.str.contains("alembic").any()


# -- by hand ----------------------------------------------------------------------------------------

TOKEN, USERS = "public.token_llm", "public.users"

# fmt: off
BY_HAND: dict[str, tuple[str, list[Row]]] = {
    "a column more":        ("ALTER TABLE users ADD nick text",
                             [(HAND, "added", "column", f"{USERS}.nick")]),
    "a column less":        ("ALTER TABLE token_llm DROP expires_at",
                             [(HAND, "removed", "column", f"{TOKEN}.expires_at")]),
    "another type":         ("ALTER TABLE users ALTER username TYPE varchar(80)",
                             [(HAND, "changed", "column", f"{USERS}.username")]),
    "length limit gone":    ("ALTER TABLE users ALTER username TYPE varchar",
                             [(HAND, "changed", "column", f"{USERS}.username")]),
    "another default":      ("ALTER TABLE users ALTER created_at SET DEFAULT '2020-01-01'",
                             [(HAND, "changed", "column", f"{USERS}.created_at")]),
    "not null dropped":     ("ALTER TABLE users ALTER username DROP NOT NULL",
                             [(HAND, "removed", "not null", f"{USERS}.username")]),
    "an index more":        ("CREATE INDEX slow ON token_llm (provider)",
                             [(HAND, "added", "index", f"{TOKEN}.slow")]),
    "an index less":        ("DROP INDEX ix_token_llm_user_id",
                             [(HAND, "removed", "index", f"{TOKEN}.ix_token_llm_user_id")]),
    "an index made unique": ("DROP INDEX ix_token_llm_user_id; "
                             "CREATE UNIQUE INDEX ix_token_llm_user_id ON token_llm (user_id)",
                             [(HAND, "changed", "index", f"{TOKEN}.ix_token_llm_user_id")]),
    "unique dropped":       ("ALTER TABLE users DROP CONSTRAINT users_username_key",
                             [(HAND, "removed", "unique", f"{USERS}.users_username_key")]),
    "cascade gone":         ("ALTER TABLE token_llm DROP CONSTRAINT token_llm_user_id_fkey, ADD FOREIGN KEY (user_id) "
                             "REFERENCES users",
                             [(HAND, "changed", "foreign key", f"{TOKEN}.token_llm_user_id_fkey")]),
    "a check more":         ("ALTER TABLE users ADD CONSTRAINT short CHECK (length(username) < 20)",
                             [(HAND, "added", "check", f"{USERS}.short")]),
    "a table more":         ("CREATE TABLE leftover (id serial PRIMARY KEY, what text NOT NULL)",
                             [(HAND, "added", "table", "public.leftover")]),
    "a table less":         ("DROP TABLE token_llm",
                             [(HAND, "removed", "table", TOKEN)]),
    "a table renamed":      ("ALTER TABLE token_llm RENAME TO token",
                             [(HAND, "renamed", "table", "public.token")]),
    "a column renamed":     ("ALTER TABLE token_llm RENAME provider TO vendor",
                             [(HAND, "renamed", "column", f"{TOKEN}.vendor")]),
    "a comment":            ("COMMENT ON TABLE users IS 'people'",
                             [(HAND, "added", "comment", f"table {USERS}")]),
    "another owner":        ("ALTER TABLE users OWNER TO pg_monitor",
                             [(HAND, "changed", "owner", f"table {USERS}")]),
    "a sequence more":      ("CREATE SEQUENCE numbers",
                             [(HAND, "added", "sequence", "public.numbers")]),
    "an enum more":         ("CREATE TYPE mood AS ENUM ('glad')",
                             [(HAND, "added", "enum", "public.mood")]),
    "storage options":      ("ALTER TABLE users SET (fillfactor = 70)",
                             [(HAND, "changed", "table", USERS)]),
    "row security":         ("ALTER TABLE users ENABLE ROW LEVEL SECURITY",
                             [(HAND, "changed", "table", USERS)]),
    "two at once":          ("ALTER TABLE users ADD nick text; DROP INDEX ix_token_llm_user_id",
                             [(HAND, "removed", "index", f"{TOKEN}.ix_token_llm_user_id"),
                              (HAND, "added", "column", f"{USERS}.nick")]),
    "a view":               ("CREATE VIEW names AS SELECT username FROM users",
                             [(UNMANAGED, "added", "view", "public.names")]),
    "a function":           ("CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
                             [(UNMANAGED, "added", "function", "public.one()")]),
    "a grant":              ("GRANT SELECT ON users TO pg_monitor",
                             [(UNMANAGED, "added", "grant", f"table {USERS} to pg_monitor")]),
    "a schema":             ("CREATE SCHEMA theirs CREATE TABLE stock (id serial PRIMARY KEY)",
                             [(UNMANAGED, "added", "schema", "theirs")]),
    "a policy":             ("CREATE POLICY own ON users USING (true)",
                             [(UNMANAGED, "added", "policy", f"{USERS}.own")]),
    "a comment on an index": ("COMMENT ON INDEX ix_token_llm_user_id IS 'keep'",
                             [(UNMANAGED, "added", "comment", f"index {TOKEN}.ix_token_llm_user_id")]),
}

NOT_BY_HAND = {
    "nothing":              "SELECT 1",
    "an index anew":        "DROP INDEX ix_token_llm_user_id; CREATE INDEX ix_token_llm_user_id ON token_llm (user_id)",
    "a column anew":        "ALTER TABLE token_llm DROP expires_at; ALTER TABLE token_llm ADD expires_at timestamptz",
    "the same type":        "ALTER TABLE users ALTER username TYPE character varying(50)",
    "the same default":     "ALTER TABLE users ALTER created_at SET DEFAULT pg_catalog.now()",
    "rows":                 "INSERT INTO users (username, hashed_password) VALUES ('a', 'b')",
    "a temporary table":    "CREATE TEMPORARY TABLE scribble (id integer)",
    "our own schema":       "CREATE SCHEMA IF NOT EXISTS alembic_ops; CREATE TABLE alembic_ops.other (id integer)",
    "statistics gathered":  "VACUUM ANALYZE users",
    "vacuumed whole":       "VACUUM FULL users",
    "given and taken":      "GRANT SELECT ON users TO pg_monitor; REVOKE SELECT ON users FROM pg_monitor",
    "a foreign key anew":   "ALTER TABLE token_llm DROP CONSTRAINT token_llm_user_id_fkey; ALTER TABLE token_llm ADD "
                            "CONSTRAINT token_llm_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) "
                            "ON UPDATE NO ACTION ON DELETE CASCADE NOT DEFERRABLE",
    "the sequence moved on": "SELECT setval('users_id_seq', 500)",
}
# fmt: on


@pytest.mark.parametrize("case", BY_HAND)
def test_a_change_by_hand(case: str, shop: Shop) -> None:
    statement, expected = BY_HAND[case]
    shop.run(statement)

    found = shop.target.compare()

    assert rows(found) == expected
    assert [one.counts for one in found.changes] == [one[0] == HAND for one in expected]
    assert found.verdict == (Verdict.ATTENTION if expected[0][0] == HAND else Verdict.OK)
    assert found.unknown == ()
    by_hand = [one for one in found.changes if one.counts]
    assert found.lines == tuple(f"changed by hand: {one.kind} {one.object}, {one.what}" for one in by_hand)


@pytest.mark.parametrize("case", NOT_BY_HAND)
def test_what_is_no_change(case: str, shop: Shop) -> None:
    shop.run(*NOT_BY_HAND[case].split("; "))

    found = shop.target.compare(strict=True)

    assert (rows(found), found.unknown, found.verdict) == ([], (), Verdict.OK)
    prints = found.fingerprints
    assert prints["live"] == prints["migrations"] != None  # noqa: E711


def test_blame_names_revision_file_and_author(shop: Shop) -> None:
    shop.run("ALTER TABLE token_llm DROP expires_at", "ALTER TABLE users ADD nick text", "CREATE TABLE mine (id int)")

    new, gone, *_ = sorted(shop.target.compare().changes, key=lambda one: one.kind + one.action)

    expected = {
        "revision": INITIAL,
        "message": "Initial migration",
        "file": f"alembic/versions/{INITIAL}_initial_migration.py",
        "date": "2025-10-03T09:30:00+02:00",
        "author": AUTHOR,
    }
    assert (new.blame, gone.blame) == (expected, expected)
    (table,) = (one for one in shop.target.compare().changes if one.kind == "table")
    assert table.blame is None  # no revision ever touched it


def test_consequences_stand_under_their_root(shop: Shop) -> None:
    shop.run("ALTER TABLE users DROP username")

    (change,) = shop.target.compare().changes

    assert (change.kind, change.object) == ("column", f"{USERS}.username")
    assert change.consequences == (("not null", f"{USERS}.username"), ("unique", f"{USERS}.users_username_key"))


def test_a_rename_is_said_to_be_probable(shop: Shop) -> None:
    shop.run("ALTER TABLE token_llm RENAME provider TO vendor")

    (change,) = shop.target.compare().changes

    assert change.what == f"renamed from {TOKEN}.provider (probably)"
    assert change.blame is not None and change.blame["revision"] == INITIAL


def test_strict_counts_what_nobody_manages(shop: Shop) -> None:
    shop.run("CREATE VIEW names AS SELECT username FROM users")

    found = shop.target.compare(strict=True)

    assert ([one.counts for one in found.changes], found.verdict) == ([True], Verdict.ATTENTION)
    assert str(found) == f"{found.target}: 1 not managed by migrations"
    assert str(shop.target.compare()) == f"{found.target}: no drift, 1 not managed by migrations"


# fmt: off
IGNORED = {  #             pattern                 how many of the three are left
    "a kind":              ("index",                2),
    "a pattern":           ("public.users*",        2),
    "a table, bare":       ("users",                2),
    "kind and pattern":    ("column:*.nick",        2),
    "several":             ("index, column, table", 0),
    "another kind":        ("view",                 3),
    "another table":       ("index:public.users*",  3),
}
# fmt: on


@pytest.mark.parametrize("case", IGNORED)
@pytest.mark.parametrize("way", ["argument", "section"])
def test_what_is_ignored(case: str, way: str, shop: Shop) -> None:
    pattern, left = IGNORED[case]
    shop.run("ALTER TABLE users ADD nick text", "CREATE INDEX slow ON token_llm (name)", "CREATE TABLE mine (id int)")
    if way == "section":
        shop.write_section(ignore="\n  ".join(one.strip() for one in pattern.split(",")))

    found = shop.target.compare(ignore=pattern if way == "argument" else "")

    assert (len(found.changes), len(found.ignored)) == (left, 3 - left)
    assert found.verdict == (Verdict.ATTENTION if left else Verdict.OK)


# -- models and pending revisions -------------------------------------------------------------------


@pytest.fixture
def edited(shop: Shop) -> Iterator[Shop]:
    """The project, whose files are put back afterwards."""
    kept = {path: path.read_bytes() for path in (shop.home / "ops" / "models").glob("*.py")}
    yield shop
    for path, content in kept.items():
        path.write_bytes(content)
    for path in (shop.home / "alembic" / "versions").glob(f"{NEXT[:10]}*"):
        path.unlink()


def edit(shop: Shop, old: str, new: str, file: str = "user") -> None:
    path = shop.home / "ops" / "models" / f"{file}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_revision(shop: Shop, up: str, *, revision: str = NEXT, after: str = INITIAL, created: str = "") -> None:
    text = f'"""More\n\n{created}\n"""\nfrom alembic import op\nrevision = "{revision}"\ndown_revision = "{after}"\n'
    text += f"def upgrade():\n    {up}\ndef downgrade():\n    pass\n"
    (shop.home / "alembic" / "versions" / f"{revision}_more.py").write_text(text, encoding="utf-8")


USERNAME = "    username: Mapped[str] = mapped_column(String(50), unique=True)\n"

# fmt: off
EDITED = {  #      instead of the model's column `username`
    "a new column":   (USERNAME + "    nick: Mapped[str | None] = mapped_column(String(9))\n",
                       [(MODEL, "added", "column", f"{USERS}.nick")]),
    "a column gone":  ("",
                       [(MODEL, "removed", "column", f"{USERS}.username")]),
    "another type":   (USERNAME.replace("50", "60"),
                       [(MODEL, "changed", "column", f"{USERS}.username")]),
    "an index":       (USERNAME.replace("unique=True", "unique=True, index=True"),
                       [(MODEL, "added", "index", f"{USERS}.ix_users_username"),
                        (MODEL, "removed", "unique", f"{USERS}.users_username_key")]),
    "nullable":       (USERNAME.replace("[str]", "[str | None]"),
                       [(MODEL, "removed", "not null", f"{USERS}.username")]),
    "a comment":      (USERNAME.replace("unique=True", "unique=True, comment='login'"),
                       [(MODEL, "added", "comment", f"column {USERS}.username")]),
    "the same":       (USERNAME.replace("String(50)", "String(length=50)"), []),
}
# fmt: on


@pytest.mark.parametrize("case", EDITED)
def test_a_model_without_its_migration(case: str, edited: Shop) -> None:
    new, expected = EDITED[case]
    edit(edited, USERNAME, new)

    found = edited.target.compare()

    assert rows(found) == expected
    assert found.verdict == (Verdict.ATTENTION if expected else Verdict.OK)


def test_a_pending_revision_is_named_and_does_not_count(edited: Shop) -> None:
    add_revision(edited, "op.execute('ALTER TABLE users ADD nick text')", created="Create Date: 2026-01-02 03:04:05")
    edit(edited, USERNAME, USERNAME + "    nick: Mapped[str | None] = mapped_column(Text)\n")
    edit(edited, "import DateTime", "import Text, DateTime")

    found = edited.target.compare()

    assert rows(found) == [(PENDING, "added", "column", f"{USERS}.nick")]
    (change,) = found.changes
    assert change.blame is not None
    assert (change.blame["revision"], change.blame["author"]) == (NEXT, None)
    assert change.blame["date"].startswith("2026-01-02")
    assert (found.pending, found.verdict) == ((NEXT,), Verdict.OK)
    assert edited.target.compare(expect_pending=False).verdict == Verdict.ATTENTION


def test_types_and_sequences_that_only_migrations_have(edited: Shop) -> None:
    by_itself = "CREATE SEQUENCE ticket; CREATE TYPE size AS ENUM (); CREATE DOMAIN price AS numeric"
    of_columns = (
        "CREATE TYPE mood AS ENUM (); CREATE TYPE kind AS ENUM (); ALTER TABLE users ADD mood mood, ADD kind kind"
    )
    add_revision(edited, f"op.execute('{by_itself}; {of_columns}')")
    add_revision(edited, "op.drop_column('users', 'mood')", revision=NEXT[:-1] + "3", after=NEXT)
    edited.run(*by_itself.split(";"), *of_columns.split(";"), "ALTER TABLE users DROP mood")
    edited.run(f"UPDATE alembic_version SET version_num = '{NEXT[:-1]}3'")

    found = edited.target.compare()

    assert (rows(found), found.unknown) == (
        [
            (MODEL, "removed", "enum", "public.kind"),
            (MODEL, "removed", "enum", "public.mood"),  # its column has left it behind
            (MODEL, "removed", "column", f"{USERS}.kind"),
        ],
        (),
    )


def test_a_revision_applied_by_hand(edited: Shop) -> None:
    add_revision(edited, "op.execute('ALTER TABLE users ADD nick text')")
    edit(edited, USERNAME, USERNAME + "    nick: Mapped[str | None] = mapped_column(Text)\n")
    edit(edited, "import DateTime", "import Text, DateTime")
    edited.run("ALTER TABLE users ADD nick text")

    found = edited.target.compare()

    assert rows(found) == [(AHEAD, "added", "column", f"{USERS}.nick")]
    assert found.changes[0].blame is not None and found.changes[0].blame["revision"] == NEXT
    assert found.verdict == Verdict.ATTENTION


def test_a_model_applied_by_hand_without_a_migration(edited: Shop) -> None:
    edit(edited, USERNAME, USERNAME + "    nick: Mapped[str | None] = mapped_column(String(9))\n")
    edited.run("ALTER TABLE users ADD nick varchar(9)")

    found = edited.target.compare()

    assert rows(found) == [(AHEAD, "added", "column", f"{USERS}.nick"), (MODEL, "added", "column", f"{USERS}.nick")]


# -- what is not known ------------------------------------------------------------------------------


def test_an_unknown_revision_is_never_fine(edited: Shop) -> None:
    edited.run("UPDATE alembic_version SET version_num = 'deadbeef0000'", "ALTER TABLE users ADD nick text")
    edit(edited, USERNAME, USERNAME.replace("50", "60"))

    found = edited.target.compare()

    assert "deadbeef0000" in " ".join(found.unknown)
    assert rows(found) == [(MODEL, "changed", "column", f"{USERS}.username")]  # models need no database
    assert found.fingerprints["migrations"] is None

    edit(edited, USERNAME.replace("50", "60"), USERNAME)

    found = edited.target.compare()

    assert (rows(found), found.verdict) == ([], Verdict.UNKNOWN)


def test_a_pending_revision_that_fails_leaves_the_rest_known(edited: Shop) -> None:
    add_revision(edited, "op.execute('CREATE INDEX more ON users (created_at)')")
    add_revision(edited, "op.execute('SELECT 1 / 0')", revision=NEXT[:-1] + "3", after=NEXT)

    found = edited.target.compare()

    assert (rows(found), found.verdict) == ([], Verdict.UNKNOWN)
    assert "division by zero" in found.unknown[0] and NEXT[:-1] + "3" in found.unknown[0]

    edited.run("ALTER TABLE users ADD nick text")

    found = edited.target.compare()

    assert rows(found) == [(HAND, "added", "column", f"{USERS}.nick")]
    assert found.changes[0].offers and found.verdict == Verdict.ATTENTION


def test_an_applied_revision_that_does_not_replay(edited: Shop) -> None:
    add_revision(edited, "op.execute('SELECT 1 / 0')")
    edited.run(f"UPDATE alembic_version SET version_num = '{NEXT}'", "ALTER TABLE users ADD nick text")

    found = edited.target.compare()

    assert (rows(found), found.verdict) == ([], Verdict.UNKNOWN)
    assert "nothing is known" in found.unknown[0]


REFUSED_MODEL = """
class Broken(Base):
    __tablename__ = "broken"
    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(Place())
"""
PLACE = """
from sqlalchemy.types import UserDefinedType


class Place(UserDefinedType):
    cache_ok = True

    def get_col_spec(self):
        return "geography_of_nowhere"
"""


def test_a_model_that_cannot_be_built_is_named_and_the_rest_judged(edited: Shop) -> None:
    edit(edited, "\nclass User(Base)", PLACE + REFUSED_MODEL + "\nclass User(Base)")
    edit(edited, USERNAME, USERNAME.replace("50", "60"))

    found = edited.target.compare()

    assert (rows(found), found.unknown[1:]) == ([(MODEL, "changed", "column", f"{USERS}.username")], ())
    assert "table broken" in found.unknown[0] and "geography_of_nowhere" in found.unknown[0]

    edit(edited, USERNAME.replace("50", "60"), USERNAME)

    assert edited.target.compare().verdict == Verdict.UNKNOWN


# fmt: off
NO_MODELS = {  #               what env.py sets                       what is said
    "no target_metadata":      ("None", "no target_metadata"),
    "metadata with no table":  ('__import__("sqlalchemy").MetaData()', "hold no table"),
}
# fmt: on


@pytest.mark.parametrize("case", NO_MODELS)
def test_models_that_say_nothing(case: str, shop: Shop) -> None:
    new, word = NO_MODELS[case]
    path = shop.home / "alembic" / "env.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"target_metadata": Base.metadata', f'"target_metadata": {new}'), encoding="utf-8")
    shop.run("ALTER TABLE users ADD nick text")
    try:
        found = shop.target.compare()
    finally:
        path.write_text(text, encoding="utf-8")

    assert rows(found) == [(HAND, "added", "column", f"{USERS}.nick")]
    assert word in " ".join(found.unknown)


# -- the same answer again --------------------------------------------------------------------------


def test_cold_warm_and_damaged_give_equal_answers(shop: Shop) -> None:
    shop.run("ALTER TABLE users ADD nick text", "DROP INDEX ix_token_llm_user_id")
    cache = shop.home / ".ops" / "cache"

    first = shop.target.compare().to_dict()
    again = shop.target.compare().to_dict()
    for path in cache.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-20] + b"x" * 20)  # as long as it was
    repaired = shop.target.compare().to_dict()
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    anew = shop.target.compare().to_dict()

    assert first == again == repaired == anew


def test_roles_make_a_replay_anew_only_when_the_schema_names_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"newcomer_{os.getpid()}"
    again: list[str] = []
    real = replay.replay
    shop.target.compare()
    monkeypatch.setattr(replay, "replay", lambda *given: again.append("replayed") or real(*given))  # type: ignore[func-returns-value]
    try:
        shop.run(f"CREATE ROLE {name}")

        assert (rows(shop.target.compare()), again) == ([], [])

        shop.run(f"GRANT SELECT ON users TO {name}")

        expected = [(UNMANAGED, "added", "grant", f"table {USERS} to {name}")]
        assert (rows(shop.target.compare()), again) == (expected, ["replayed"])
        assert (rows(shop.target.compare()), again) == (expected, ["replayed"])
    finally:
        shop.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


class Counting(psycopg2.extensions.cursor):
    """A cursor that counts what it sends."""

    sent = 0

    def execute(self, query: Any, values: Any = None) -> None:
        type(self).sent += 1
        super().execute(query, values)


def test_a_comparison_asks_as_little_of_a_large_schema_as_of_a_small_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):  # what is found the first time is not kept where a file was written just before
        shop.target.compare()
    connect = psycopg2.connect
    monkeypatch.setattr(psycopg2, "connect", lambda *given, **more: connect(*given, cursor_factory=Counting, **more))
    asked = []
    for tables in (0, 200):
        shop.run(*(f"CREATE TABLE more{number} (id serial PRIMARY KEY)" for number in range(tables)))
        monkeypatch.setattr(Counting, "sent", 0)

        assert len(shop.target.compare().changes) == tables

        asked.append(Counting.sent)

    assert asked[0] == asked[1] <= 18


def test_a_replay_that_failed_is_not_kept(edited: Shop) -> None:
    add_revision(edited, "op.execute('SELECT 1 / 0')")
    ground = Ground(home=edited.home, major=18, role="postgres", roles=("postgres",))

    made = replay.replay(edited.target.settings, ground, (INITIAL,))

    assert made.failed and made.current == 1
    assert replay.kept(edited.target.settings, ground, (INITIAL,)) is None


def test_every_cause_has_words(shop: Shop) -> None:
    shop.run("ALTER TABLE users ADD nick text")

    found = shop.target.compare()

    assert "changed by hand" in str(found)
    assert {one.cause for one in found.changes} == {Cause.CHANGED_BY_HAND}
