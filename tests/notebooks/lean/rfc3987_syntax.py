"""Stands before the library of this name for the processes that tests start: see `ops/runbook/libraries.py`.

Plain papermill and nbval import it with jsonschema, which works as well without it: four seconds of computing less.
"""

raise ImportError("left out of tests that start many processes")
