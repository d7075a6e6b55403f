"""Imports of libraries that would take longer than all the rest of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FORMATS = ("rfc3987_syntax", "rfc3986_validator", "isoduration")


@contextmanager
def without_formats() -> Iterator[None]:
    """Let papermill be imported without what checks addresses and durations.

    JupyterLab brings that; jsonschema, which papermill needs, imports it where it is: some forty parsers are built
    then, and a library of calendars is read, one to two seconds of computing. No schema of a notebook has such a
    format. Whoever imports them later gets them; only `jsonschema` does not check these formats in this process any
    more.

    Source
    ------
    https://python-jsonschema.readthedocs.io/en/stable/validate/#validating-formats
    """
    unknown = [name for name in FORMATS if sys.modules.get(name) is None]
    for name in unknown:
        sys.modules[name] = None  # type: ignore[assignment]  # which means that there is none
    try:
        yield
    finally:
        for name in unknown:
            sys.modules.pop(name, None)
