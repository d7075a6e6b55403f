"""One upgrade, with a watch on its phases; run as a process, prints seconds by phase as JSON."""

from __future__ import annotations

import json
import time

BEGAN = time.perf_counter()

import functools  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import ops  # noqa: E402
from ops.apply import act  # noqa: E402
from ops.ledger import Ledger  # noqa: E402
from ops.project.conversation import Worker  # noqa: E402
from ops.project.visit import Visit  # noqa: E402

TOOK: Counter[str] = Counter()


def watched(owner: Any, method: str, phase: str | Callable[..., str]) -> None:
    """Have a method add the time that it takes to a phase."""
    usual = getattr(owner, method)

    @functools.wraps(usual)
    def timed(*arguments: Any, **keywords: Any) -> Any:
        began = time.perf_counter()
        try:
            return usual(*arguments, **keywords)
        finally:
            name = phase if isinstance(phase, str) else phase(*arguments)
            TOOK[name] += time.perf_counter() - began

    setattr(owner, method, timed)


def main() -> None:
    """Upgrade, and print the phases."""
    imported = time.perf_counter()
    watched(Worker, "request", lambda worker, name, *_: f"request {name}")
    watched(act._Change, "_listen", "listen")
    watched(Ledger, "write", "ledger")
    watched(Visit, "heads", "heads")

    ops.target("bench").upgrade("head", dry_run=False)

    ended = time.perf_counter()
    migrate = TOOK["request migrate"]
    reading = sum(TOOK[f"request {name}"] for name in ("probe", "history", "resolve"))
    rest = ended - imported - migrate - reading
    phases = {
        "our imports": imported - BEGAN,
        "connecting, lock, plan fingerprint, intent and outcome": rest,
        "the worker's first answers": reading,
        "- it starts, and runs env.py once without migrating": TOOK["request probe"],
        "- it reads the version files": TOOK["request history"],
        "- it resolves what was asked for": TOOK["request resolve"],
        "the revisions": migrate,
        "- we read the version table back": TOOK["heads"],
        "- we write the ledger": TOOK["ledger"],
        "- the rest of our answers": TOOK["listen"] - TOOK["heads"] - TOOK["ledger"],
        "- worker, server, and the way between us": migrate - TOOK["listen"],
    }
    print(json.dumps(phases))


if __name__ == "__main__":
    main()
