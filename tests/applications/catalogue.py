"""Applications that ship their migrations: where these are, rows of an older revision, and what is known of them.

What is known was read in their version files, and is what a rehearsal has to find, no more and no less.
"""

# ruff: noqa: E501 - a statement is easier to read in one piece

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class Application:
    """One application. `{packages}` in a value of `section` is the folder where its packages are.

    `files` lie beside the section. `first` is its own code that creates the tables before the first revision; it reads
    the URL from its standard input. `older` are revisions at which `rows` are put in, and `to` is where it goes from
    there. `survivors` ask for what was written then, in words that mean the same at every revision.

    `stays` has the revisions that do not come back, with a part of what is said of each; `loses` those whose rollback
    loses something, `differs` those whose downgrade does not restore the schema, and `once` those that do not go up again
    as they did. `stops` is the revision that these
    rows make fail, and a part of the server's words. `fails` is what is said of a history that does not run on an empty
    database.
    """

    requirements: tuple[str, ...]
    shape: str
    section: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    older: tuple[str, ...]
    to: str = "head"
    rows: str
    survivors: Mapping[str, str]
    stays: Mapping[str, str] = field(default_factory=dict)
    loses: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    stops: tuple[str, str] | None = None
    fails: str = ""


EMPTY, NONE = "its downgrade is empty", "it has no downgrade"

MLFLOW = Application(
    requirements=("mlflow-skinny", "alembic", "sqlalchemy"),
    shape="its own code makes the first tables; the script folder is relative; imports by the section",
    section={
        "config": "{packages}/mlflow/store/db_migrations/alembic.ini",
        "cwd": "{packages}",  # its script_location is relative
        "imports": "mlflow.store.db.utils",  # which imports every model; its env.py alone imports none
    },
    first=(
        "import sys, sqlalchemy\n"
        "from mlflow.store.tracking.dbmodels.initial_models import Base\n"
        "Base.metadata.create_all(sqlalchemy.create_engine(sys.stdin.read()))\n"
    ),
    older=("7f2a7d5fae7d",),  # about a third of the way up
    rows="""
INSERT INTO experiments (name, artifact_location, lifecycle_stage)
    SELECT 'experiment ' || n, '/artifacts/' || n, 'active' FROM generate_series(1, 3) n;
INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, lifecycle_stage, experiment_id)
    SELECT md5('run' || n), 'chạy thử ' || n, 'NOTEBOOK', 'user ' || n % 5, 'FINISHED', n, 'active', 1 + n % 3
    FROM generate_series(1, 40) n;
INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
    SELECT 'loss ' || n % 10, n / 7.0, n, md5('run' || (1 + n % 40)), n, false FROM generate_series(1, 400) n;
INSERT INTO params (key, value, run_uuid) SELECT 'rate', repeat('9', n), md5('run' || n) FROM generate_series(1, 40) n;
""",
    survivors={
        "experiments": "SELECT experiment_id, name, lifecycle_stage FROM experiments ORDER BY 1",
        "runs": "SELECT run_uuid, name, status, start_time, experiment_id FROM runs ORDER BY 1",
        "metrics": "SELECT run_uuid, key, timestamp, value FROM metrics ORDER BY 1, 2, 3, 4",
        "params": "SELECT run_uuid, key, value FROM params ORDER BY 1, 2",
    },
    stays=dict.fromkeys(
        (
            *("2d6e25af4d3e", "acf3f17fdcc7", "867495a8f9d4", "5b0e9adcef9c", "f5a4f2784254", "0584bdc529eb"),
            *("400f98739977", "6953534de441", "bda7b8c39065", "17e22815139b"),
        ),
        EMPTY,
    ),
    differs=("1b5f0d9ad7c1",),  # its downgrade gives constraints another name than they had
)

_TWICE = 'type "studydirection" already exists'  # which a second table makes anew

OPTUNA = Application(
    requirements=("optuna", "alembic", "sqlalchemy"),
    shape="dots in revision ids; revisions that work on rows through the ORM, and commit half-way",
    section={
        "config": "{packages}/optuna/storages/_rdb/alembic.ini",
        "cwd": "{packages}/optuna/storages/_rdb",
    },
    older=("v1.3.0.a",),
    rows="""
INSERT INTO studies (study_name, direction) SELECT 'study ' || n, 'MINIMIZE' FROM generate_series(1, 3) n;
INSERT INTO trials (study_id, state, value, number, datetime_start)
    SELECT 1 + n % 3, 'COMPLETE', n / 4.0, n / 3, '2020-01-01' FROM generate_series(0, 29) n;
INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
    SELECT n, 'x', n / 8.0, '{"name": "UniformDistribution", "attributes": {"low": 0.0, "high": 10.0}}'
    FROM generate_series(1, 30) n;
INSERT INTO trial_values (trial_id, step, value) SELECT n, s, n * s / 4.0 FROM generate_series(1, 30) n, generate_series(1, 4) s;
INSERT INTO trial_user_attributes (trial_id, key, value_json) SELECT n, 'note', '"chạy thử"' FROM generate_series(1, 30) n;
""",
    survivors={
        "studies": "SELECT study_id, study_name FROM studies ORDER BY 1",
        "trials": "SELECT trial_id, study_id, state, number, datetime_start FROM trials ORDER BY 1",
        "trial_params": "SELECT param_id, trial_id, param_name, param_value FROM trial_params ORDER BY 1",
        "trial_user_attributes": "SELECT trial_id, key, value_json FROM trial_user_attributes ORDER BY 1",
    },
    stops=("v2.4.0.a", _TWICE),
    fails=_TWICE,
)

KEYSTONE = Application(
    requirements=("keystone", "alembic", "sqlalchemy"),
    shape="two branches, expand and contract; folders by release; no configuration file; filters; no way back",
    section={
        "config": "keystone.ini",
        "sys_path": ".",
        "setup": "ready:run",
    },
    files={
        "keystone.ini": """\
[alembic]
script_location = {packages}/keystone/common/sql/migrations
version_locations = {packages}/keystone/common/sql/migrations/versions
path_separator = os
recursive_version_locations = true

[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARN
handlers =
""",
        "ready.py": """\
import importlib

MODELS = (
    "catalog.backends.sql identity.mapping_backends.sql identity.backends.sql_model revoke.backends.sql "
    "federation.backends.sql policy.backends.sql oauth1.backends.sql resource.config_backends.sql "
    "resource.backends.sql_model assignment.backends.sql assignment.role_backends.sql_model credential.backends.sql "
    "trust.backends.sql application_credential.backends.sql limit.backends.sql endpoint_policy.backends.sql"
)


def run(config):
    import keystone.conf

    keystone.conf.configure()
    keystone.conf.CONF([], project="keystone", default_config_files=[])
    for module in MODELS.split():
        importlib.import_module("keystone." + module)
""",
    },
    older=("29e87d24a316", "e25ffa003242"),
    to="heads",
    rows="""
INSERT INTO project (id, name, description, enabled, domain_id, parent_id, is_domain)
    SELECT 'project' || n, 'dự án ' || n, 'it''s 100%', true, '<<keystone.domain.root>>', NULL, false FROM generate_series(1, 20) n;
INSERT INTO mapping (id, rules) SELECT 'mapping' || n, '[]' FROM generate_series(1, 10) n;
INSERT INTO trust (id, trustor_user_id, trustee_user_id, project_id, impersonation, deleted_at, expires_at, remaining_uses, extra)
    SELECT 'trust' || n, 'a' || n, 'b', 'project1', true, NULL, '2030-01-01', NULL, '{}' FROM generate_series(1, 10) n;
INSERT INTO service_provider (id, auth_url, enabled, sp_url, relay_state_prefix)
    SELECT 'sp' || n, 'https://example.org', true, 'https://example.org', 'ss:mem:' FROM generate_series(1, 5) n;
""",
    survivors={
        "project": "SELECT id, name, description FROM project ORDER BY 1",
        "mapping": "SELECT id, rules FROM mapping ORDER BY 1",
        "trust": "SELECT id, trustor_user_id, expires_at FROM trust ORDER BY 1",
        "service_provider": "SELECT id, relay_state_prefix FROM service_provider ORDER BY 1",
    },
    stays=dict.fromkeys(
        ("b4f8b3f584e0", "11c3b243b4cb", "47147121", "e8725d6fa226", "742c857f1dfb", "99de3849d860", "c88cdce8f248"),
        NONE,
    ),
)

IHATEMONEY = Application(
    requirements=("ihatemoney", "alembic", "sqlalchemy<2.1"),
    shape="Flask-Migrate: env.py asks the running application; audit tables made by an extension",
    section={
        "config": "{packages}/ihatemoney/migrations/alembic.ini",
        "cwd": "{packages}/ihatemoney/migrations",
        "sys_path": ".",
        "setup": "running:run",
        # its env.py takes no % in a URL
        "env.APPLICATION_DATABASE": "postgresql+psycopg2://{user}@/{database}?host={host}&port={port}",
    },
    files={
        # its own create_app() runs every migration at once
        "running.py": """\
import os

from flask import Flask
from flask_migrate import Migrate
from ihatemoney.models import db


def run(config):
    app = Flask("ihatemoney")
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["APPLICATION_DATABASE"]
    db.init_app(app)
    Migrate(app, db)
    app.app_context().push()
""",
    },
    older=("b78f8a8bdb16",),
    rows="""
INSERT INTO project (id, name, password, contact_email)
    SELECT 'project' || n, 'dự án ' || n, 'secret ' || n, n || '@example.org' FROM generate_series(1, 5) n;
INSERT INTO person (project_id, name, weight, activated)
    SELECT 'project' || 1 + n % 5, 'person ' || n, CASE WHEN n % 3 > 0 THEN 1 + n % 3 END, true FROM generate_series(1, 30) n;
INSERT INTO bill (payer_id, amount, date, what) SELECT n, n * 1.5, '2016-06-01', 'bánh mì' FROM generate_series(1, 30) n;
INSERT INTO billowers SELECT n, n FROM generate_series(1, 30) n;
""",
    survivors={
        "project": "SELECT id, name, contact_email FROM project ORDER BY 1",
        "person": "SELECT id, project_id, name, activated FROM person ORDER BY 1",
        "bill": "SELECT id, payer_id, amount, date, what FROM bill ORDER BY 1",
        "billowers": "SELECT bill_id, person_id FROM billowers ORDER BY 1",
    },
    differs=("2dcb0c0048dc", "c941aaca38c2"),  # an enum is left behind, and has another place in a later one
    once=("2dcb0c0048dc", "c941aaca38c2"),
)

# A hash of a password has become longer than the column is, which a later revision makes wider.
IHATEMONEY_EARLIER = replace(
    IHATEMONEY,
    older=("26d6a218c329",),
    stays={"f629c8ef4ab0": EMPTY},
    differs=(),
    once=(),
    stops=("b78f8a8bdb16", "value too long for type character varying(128)"),
)

MLFLOW_OF_OLD = replace(
    MLFLOW,
    requirements=("mlflow-skinny", "alembic==1.13.1", "sqlalchemy==1.4.54"),
    older=("1971f2d9a75b",),
    stays={"17e22815139b": EMPTY},
    differs=(),
)

APPLICATIONS: Mapping[str, Application] = {
    "mlflow-skinny": MLFLOW,
    "mlflow-skinny, on the oldest libraries that it accepts": MLFLOW_OF_OLD,
    "optuna": OPTUNA,
    "keystone": KEYSTONE,
    "ihatemoney": IHATEMONEY,
    "ihatemoney, from an earlier revision": IHATEMONEY_EARLIER,
}
