"""A long history: through the worker, one revision per run of env.py, beside plain `alembic upgrade head`."""

from __future__ import annotations

import json
import statistics
import sys
import urllib.parse
from pathlib import Path
from subprocess import run as run_process

from measure import Claim, Part, environment, pairs, ratios, seconds, spread, table

from ops import embedded, scratch

REVISIONS = 300
COUNT = 9
OURS = "import ops; ops.target('bench').upgrade('head', dry_run=False)"
PHASES = Path(__file__).with_name("phases.py")
PROJECTS = Path(__file__).resolve().parents[1] / "projects"


class Bench:
    """A history of many small revisions, and fresh databases for it on one server."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(PROJECTS))
        import make_linear

        self.folder = folder
        self.project = folder / "linear"
        make_linear.make(self.project, REVISIONS)
        (folder / "ops.ini").write_text(
            "[ops:target:bench]\nurl_env = BENCH_URL\nconfig = linear/alembic.ini\nprotected = false\n",
            encoding="utf-8",
        )
        self._ini = (self.project / "alembic.ini").read_text(encoding="utf-8")
        self._server = embedded.server(folder)

    def worker(self) -> float:
        """Return the seconds of one process that upgrades through the worker."""
        with scratch.database_on(self._server, prefix="bench") as url:
            return seconds([sys.executable, "-c", OURS], env=self._env(url), cwd=self.folder)

    def plain(self, *arguments: str) -> float:
        """Return the seconds of one `alembic` process; `upgrade head` where nothing else is asked for."""
        with scratch.database_on(self._server, prefix="bench") as url:
            ini = self.project / "plain.ini"
            filled = self._ini.replace("sqlalchemy.url =", f"sqlalchemy.url = {url.replace('%', '%%')}")
            ini.write_text(filled, encoding="utf-8")
            command = [sys.executable, "-m", "alembic", "-c", str(ini), *(arguments or ("upgrade", "head"))]
            return seconds(command, env=environment(), cwd=self.project)

    def phases(self) -> dict[str, float]:
        """Return where the time goes when the worker upgrades: seconds by phase."""
        with scratch.database_on(self._server, prefix="bench") as url:
            command = [sys.executable, str(PHASES)]
            done = run_process(command, env=self._env(url), cwd=self.folder, capture_output=True, text=True, check=True)
            return json.loads(done.stdout)

    def _env(self, url: str) -> dict[str, str]:
        assert urllib.parse.urlsplit(url).password is None
        return environment(OPS_HOME=str(self.folder), BENCH_URL=url)


def run(folder: Path) -> Part:
    """Measure pairs, and then, apart from them, the phases."""
    bench = Bench(folder)
    ours, theirs = pairs(bench.worker, bench.plain, count=COUNT)
    claim = Claim(
        what=f"{REVISIONS} revisions through the worker beside `alembic upgrade head`",
        values=ratios(ours, theirs),
        limit=3,
        goal=2,
    )
    rows = [
        ["the worker: one revision per run of env.py, each proved", spread(ours, unit="s")],
        ["`alembic upgrade head`: all of them in one transaction", spread(theirs, unit="s")],
        ["`alembic heads`: as much of it as is starting, and reading the files",
         spread([bench.plain("heads") for _ in range(5)], unit="s")],
    ]  # fmt: skip
    return Part(
        title=f"{REVISIONS} linear revisions",
        claims=(claim,),
        tables=(table(["process", "seconds"], rows), _where_it_goes([bench.phases() for _ in range(5)])),
        remarks=("The phases were measured in runs of their own; indented ones are part of the one above them.",),
    )


def _where_it_goes(runs: list[dict[str, float]]) -> str:
    middle = {phase: statistics.median(one[phase] for one in runs) for phase in runs[0]}
    whole = sum(took for phase, took in middle.items() if not phase.startswith("-"))
    rows = [
        [phase.replace("- ", "&emsp;"), f"{took:.3f}", f"{took / whole:.0%}", f"{took / REVISIONS * 1000:.2f}"]
        for phase, took in middle.items()
    ]
    return table(["phase", "seconds", "share", "ms per revision"], rows)
