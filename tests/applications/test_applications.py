"""Applications from PyPI that ship their migrations, from an older revision with rows to the newest, and compared.

What is wrong with them is a finding about them, and is what was read in their files. That we say it, miss nothing and
claim nothing else, is ours.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops import embedded
from ops.display.text import to_text
from ops.threeway import Cause
from tests.applications import findings, story
from tests.applications.catalogue import APPLICATIONS

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_from_an_older_revision_with_rows(
    name: str, server: embedded.Server, database: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = APPLICATIONS[name]
    story.environment_of(monkeypatch, home)

    with story.placed(application, server, database, tmp_path, monkeypatch) as place:
        found = story.told(place)

    print(name, found.version, *(to_text(one.view()) for one in (found.plan, found.rehearsal, found.drift)), sep="\n")

    revisions = {one.revision: one for one in found.rehearsal.revisions}
    assert found.rehearsal.uncertain == ()
    assert {one for one, it in revisions.items() if it.down is False} == set(application.stays)
    for revision, why in application.stays.items():
        assert why in " ".join(revisions[revision].wrong)
    assert {one for one, it in revisions.items() if it.lost} == set(application.loses)
    assert {one for one, it in revisions.items() if it.restored is False} == set(application.differs)
    assert {one for one, it in revisions.items() if it.up_again is False} == set(application.once)

    # What its models and its revisions disagree about is theirs; that the database is at fault of nothing is ours.
    drift = found.drift
    if application.fails:
        assert any(application.fails in one for one in drift.unknown)
    else:
        assert all(one.startswith("Of the models, ") for one in drift.unknown)
        assert drift.fingerprints["live"] == drift.fingerprints["migrations"]
    assert {one.cause for one in drift.changes} <= {Cause.MODEL_WITHOUT_MIGRATION, Cause.PENDING}
    if os.environ.get("OPS_WRITE_FINDINGS"):
        findings.write(name, found)
