"""Runs inside the project's own Python: the one place that imports somebody else's env.py and version files.

Started by `ops.project` as a plain script (`__main__.py`), by whatever interpreter a target names: Python 3.8 or newer,
with Alembic 1.7+ and SQLAlchemy 1.4+, and nothing of `ops`. So the parts stand on the standard library, name each other
relatively, and are loaded under a private name from a folder that is not on the path.

It reads requests and answers from its standard input and writes events to a private copy of its standard output, one
JSON object a line; what the project prints goes to standard error. `ops/project/protocol.py` describes the messages.

    starting    forkserver (a fork is quicker than a start), __main__
    speaking    channel, signals, serving (the loop, and one function for each request), explaining (errors as data)
    knowing     state (of the request that is served), recorder (what the project's answers depend on)
    hearing     hooks (SQLAlchemy's events): connecting, place (the proof), pooler, statements, limits, breaker, below
    driving     project (one run of env.py), engines and keeping (what outlives it)
    requests    history, resolving, offline, looking, models, creating (pieces, refused), wanted, migrating, drafting,
                bootstrapping

Private names of Alembic that are used here (unchanged from 1.13 to 1.20, covered by tests):
`ScriptDirectory._load_revisions`, `_version_locations`, `_upgrade_revs`, `_downgrade_revs`, `_stamp_revs`, `_rev_path`;
`MigrationStep.upgrade_from_script`, `downgrade_from_script`; `HeadMaintainer`;
`MigrationContext._transaction_per_migration`, `_has_version_table`; of SQLAlchemy: `dispatch._event_names`.
"""
