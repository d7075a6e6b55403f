"""Every fix, measured on a clone as a plan measures it: its hazard is gone, and nothing else is worth a halt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from ops import database, embedded, scratch, settings
from ops.catalog import Catalog, snapshot
from ops.hazards import Hazard, Severity, bodies, judge
from ops.observe import observe
from ops.project.visit import visit
from tests.database import fix_cases
from tests.database.fix_cases import CASES, Case
from tests.database.test_hazard_fixes import HEAD, statements
from tests.database.test_hazard_fixes import judge as judged_by_text
from tests.hazards.copies import put_up_shelf
from tests.hazards.planned import ENV, INI, busy

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

NUMBERS = {name: number for number, name in enumerate(CASES)}


def moved(sql: str, name: str) -> str:
    """SQL in the names of a case's own shop."""
    number = f"{NUMBERS[name]:03}"
    return re.sub(r"\bshop\b", f"shop_{number}", sql).replace("odd.schema", f"odd.{number}")


def fix_of(name: str, case: Case, catalog: Catalog) -> str:
    own = Case(sql=tuple(moved(one, name) for one in case.sql), code=case.code)
    return next(one.fix for one in judged_by_text(statements(own), catalog) if one.code == case.code)


@pytest.fixture(scope="module")
def hazards(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Hazard, ...]]:
    """The hazards of each fix, all of them run one behind the other on one clone."""
    home = tmp_path_factory.mktemp("fixes")
    with scratch.database_on(server, prefix="fixes") as url:
        with closing(scratch.connect(server, make_url(url).database)) as connection, connection.cursor() as cursor:
            put_up_shelf(cursor)
            for name, case in CASES.items():
                cursor.execute(moved(f"{fix_cases.SHOP}; {case.before}", name))
            catalog = snapshot.of_driver(connection)
        fixes = {name: fix_of(name, case, catalog) for name, case in CASES.items()}
        owners = write(fixes, url, home)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPS_HOME", str(home))
            target = settings.resolve("corpus", home)
        with database.connect(target) as connection:
            version = database.facts(connection).version_number
        with visit(target) as here:
            seen = observe(here, here.resolve("up", "head").steps, "up")
    assert seen.failed is None, seen.failed
    live = busy(catalog)
    found = judge(seen.statements, commands=seen.commands, live=live, catalog=catalog, server_version=version)
    revisions = {one.number: one.revision for one in seen.statements}
    return {
        name: tuple(one for one in found if owners[revisions[one.statement]] == name and one.statement in revisions)
        for name in CASES
    }


def write(fixes: Mapping[str, str], url: str, home: Path) -> Mapping[str, str]:
    """Write all fixes as one history; return whose each revision is."""
    versions = home / "alembic" / "versions"
    versions.mkdir(parents=True)
    (home / "alembic" / "env.py").write_text(ENV, encoding="utf-8")
    (home / "alembic.ini").write_text(INI.format(url=url), encoding="utf-8")
    owners: dict[str, str] = {}
    down = "None"
    for name, fix in fixes.items():
        for body in bodies(fix):
            revision = f"f{len(owners):011}"
            indented = "".join(f"    {line}\n" if line else "\n" for line in body.split("\n"))
            (versions / f"{revision}.py").write_text(HEAD.format(revision, down) + indented, encoding="utf-8")
            owners[revision], down = name, f'"{revision}"'
    return owners


@pytest.mark.parametrize("name", CASES)
def test_the_hazard_is_gone(hazards: Mapping[str, tuple[Hazard, ...]], name: str) -> None:
    found = hazards[name]

    assert CASES[name].code not in {one.code for one in found}
    assert [one for one in found if one.severity >= Severity.HIGH] == []
