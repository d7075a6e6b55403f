"""Imports of libraries that would take longer than all the rest of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

GRAMMARS = "rfc3987_syntax"


@contextmanager
def without_grammars() -> Iterator[None]:
    """Let papermill be imported without the grammars of internationalised addresses.

    JupyterLab brings them; jsonschema, which papermill needs, imports them where they are, and some forty parsers are
    built then: one to two seconds of computing. No schema of a notebook has such a format. Whoever imports them later
    gets them; only `jsonschema` does not check that format in this process any more.

    Source
    ------
    https://python-jsonschema.readthedocs.io/en/stable/validate/#validating-formats
    """
    known = sys.modules.get(GRAMMARS)
    if known is None:
        sys.modules[GRAMMARS] = None  # type: ignore[assignment]  # which means that there is none
    try:
        yield
    finally:
        if known is None:
            sys.modules.pop(GRAMMARS, None)
