"""For the folder of your DAGs (Airflow 3): every morning, is production what its migrations say?

Airflow has a Python of its own, and the notebooks run in the one of their `.venv`, as a Jupyter kernel. Once:

    /srv/alembic-ops/.venv/bin/python -m ipykernel install --sys-prefix --name alembic-ops
    pip install apache-airflow-providers-papermill        # where Airflow's workers are

Change: HOME, TARGET, the schedule. The database's URL stays in the .env of that folder, out of Airflow's metadata.

`verify` fails for every verdict but OK; its log has the error, and under runs/ is its result.json. `backup` is run by
`ops run`, which also leaves an HTML report, and whose exit code says more: 5 is "busy", 4 "refused".
"""

from __future__ import annotations

import datetime as dt
import os

from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = "/srv/alembic-ops"
TARGET = "production"

# Tasks run in processes that have read this file, and kernels inherit their environment.
os.environ["OPS_HOME"] = HOME
os.environ["JUPYTER_PATH"] = f"{HOME}/.venv/share/jupyter"

with DAG(
    dag_id="alembic_ops",
    schedule="17 5 * * *",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "execution_timeout": dt.timedelta(hours=1)},
    tags=["schema"],
) as dag:
    verify = PapermillOperator(
        task_id="verify",
        input_nb=f"{HOME}/notebooks/50-verify.ipynb",
        output_nb="/tmp/alembic-ops-verify-{{ ts_nodash }}.ipynb",
        parameters={"target": TARGET},
        kernel_name="alembic-ops",
        language_name="python",
    )
    backup = BashOperator(
        task_id="backup",
        bash_command=f"cd {HOME} && .venv/bin/ops run 46 --target {TARGET} -p verify=restore -p keep=7",
    )
    verify >> backup
