"""Every fix while an application reads and writes its tables: neither loses anything, and nobody is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from ops.catalog import diff
from tests.database.fix_cases import CASES, USERS
from tests.database.test_hazard_fixes import Shops, apply, is_gone, judge, shops, statements

__all__ = ["shops"]  # a fixture

pytestmark = pytest.mark.timeout(300)

LOOK = "SELECT u.email, t.name FROM shop.users AS u JOIN shop.teams AS t ON t.id = u.team_id WHERE u.id = %(id)s"
LABEL = "UPDATE shop.users SET label = 'seen' WHERE id = %(id)s"
TEAM = "UPDATE shop.users SET team_id = 1 + %(id)s %% 20 WHERE id = %(id)s"
POST = "INSERT INTO shop.posts (no, user_id, title) VALUES (1000 + %(id)s, %(id)s, 'a') ON CONFLICT DO NOTHING"
PAGE = "UPDATE shop.visits SET page = page WHERE page = 'page ' || %(id)s"
EVENT = "UPDATE shop.events SET kind = kind WHERE id = %(id)s"
DAY = "SELECT count(*) FROM shop.days WHERE id = %(id)s"
WORK = (LOOK, LABEL, TEAM, POST, PAGE, EVENT, DAY)

# What an application may not do any more once the change is there, or what would change that which has to hold.
WITHOUT = {
    "a column with a foreign key goes": (LOOK, TEAM),
    "another type by an expression": (LABEL,),
    "a smaller type of an identity": (POST,),
    "with all that depends on it": (LOOK, LABEL, TEAM, POST),
}
# In `make test`: what reads, what writes all rows, and what closes an index.
SOON = ("no nulls", "all rows, along a key", "an index elsewhere")


class Application:
    """A client that works along the rows for as long as it is let; `errors` are what it was refused."""

    def __init__(self, dsn: str, work: Sequence[str]) -> None:
        self.tasks = work
        self._connection = psycopg2.connect(dsn)
        self._connection.autocommit = True
        self._enough = threading.Event()
        self.done = 0
        self.errors: list[str] = []

    def work(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._enough.is_set():
                try:
                    cursor.execute(self.tasks[self.done % len(self.tasks)], {"id": 1 + self.done * 7 % USERS})
                except psycopg2.Error as error:
                    self.errors.append(f"{error.pgcode} {error}")
                self.done += 1

    def end(self) -> None:
        self._enough.set()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def busy(dsn: str, work: Sequence[str]) -> Iterator[list[Application]]:
    clients = [Application(dsn, work) for _ in range(2)]
    threads = [threading.Thread(target=one.work) for one in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for one in clients:
            one.end()
        for thread in threads:
            thread.join()
        for one in clients:
            one.close()


@pytest.mark.parametrize("name", [pytest.param(one, marks=() if one in SOON else pytest.mark.heavy) for one in CASES])
def test_a_fix_and_an_application_let_each_other_work(
    shops: Shops, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    before, wanted = shops.ends(case)
    fix = next(one.fix for one in judge(statements(case), before) if one.code == case.code)
    database = shops.anew(filled=True)
    shops.run(database, case.before or "SELECT")

    work = [one for one in WORK if one not in WITHOUT.get(name, ())]
    with busy(shops.connection(database).dsn, work) as clients:
        done = apply(shops, database, fix, tmp_path, monkeypatch)

    ended = shops.read(database)
    assert all(one.done > 0 for one in clients)
    assert [error for one in clients for error in one.errors] == []
    assert (diff(ended, wanted) == ()) == (case.same_end and shops.major not in case.other_end), fix
    if case.holds:
        assert shops.run(database, case.holds) == [(True,)], fix
    assert is_gone(case.code, judge(done, before)), fix
