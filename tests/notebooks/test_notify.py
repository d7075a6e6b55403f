"""`ops run` that tells a webhook, from its arguments to what arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.webhook import listening

from .conftest import code, full_notebook, ops, write_notebook

SECRET = "T0KEN-of-the-hook"


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A notebook that shows what it can see of the webhook's URL."""
    folder = tmp_path_factory.mktemp("notebooks")
    peek = code("import os\n[name for name, value in os.environ.items() if 'NOTIFY' in name or 'T0KEN' in value]")
    write_notebook(folder / "10-look.ipynb", [*full_notebook("10-look"), peek])
    return {**environment, "OPS_NOTEBOOKS": str(folder)}


def test_attention_reaches_the_webhook_and_its_url_nothing_else(environment: dict[str, str], tmp_path: Path) -> None:
    with listening() as hook:
        finished = ops(
            {**environment, "OPS_NOTIFY_URL": f"http://app:{SECRET}@127.0.0.1:{hook.port}/?key={SECRET}"},
            *("run", "10", "--target", "sandbox", "-p", "mode=ATTENTION", "--out", str(tmp_path)),
        )

    result = (tmp_path / "result.json").read_bytes()
    assert finished.code == 3
    assert [body for *_, body in hook.received] == [result]
    assert f"Notified {hook.url} of ATTENTION." in finished.stderr
    for text in (finished.stdout, finished.stderr, *(path.read_text() for path in tmp_path.iterdir())):
        assert SECRET not in text
    assert "NOTIFY" not in (tmp_path / "notebook.ipynb").read_text().replace("'NOTIFY' in name", "")


def test_ok_posts_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    with listening() as hook:
        finished = ops(
            environment, "run", "10", "--target", "sandbox", "--notify-url", hook.url, "--out", str(tmp_path)
        )

    assert (finished.code, hook.received) == (0, [])


def test_a_webhook_that_fails_changes_no_exit_code(environment: dict[str, str], tmp_path: Path) -> None:
    with listening() as hook:
        hook.status = 500
        finished = ops(
            environment,
            *("run", "10", "--target", "sandbox", "-p", "mode=ATTENTION", "--json", "--out", str(tmp_path)),
            *("--notify-url", f"{hook.url}/{SECRET}"),
        )

    assert finished.code == 3
    assert (
        f"{hook.url} was not notified: it answered with status 500. The verdict stands: ATTENTION." in finished.stderr
    )
    assert finished.stdout == (tmp_path / "result.json").read_text(encoding="utf-8")
    assert SECRET not in finished.stderr


def test_a_url_that_may_not_be_posted_to_is_refused_before_anything_starts(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    finished = ops(
        environment,
        *("run", "10", "--target", "sandbox", "--out", str(folder)),
        *("--notify-url", f"http://hooks.example.com/{SECRET}"),
    )

    assert (finished.code, folder.exists()) == (2, False)
    assert "The database was not changed." in finished.stderr and SECRET not in finished.stderr
