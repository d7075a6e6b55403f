"""What the steps of a walkthrough show."""

from __future__ import annotations

import pytest

from ops.errors import UsageError
from ops.runbook.lesson import WIDTH, Command, Edit, Lesson, Refusal, Rows
from ops.values import Verdict

FAILED = """\
INFO  [alembic.runtime.migration] Running upgrade  -> a1, add name
Traceback (most recent call last):
  File "base.py", line 1, in run
    cursor.execute(statement)
psycopg2.errors.NotNullViolation: column "name" contains null values

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "env.py", line 2, in <module>
    run()
sqlalchemy.exc.IntegrityError: (psycopg2.errors.NotNullViolation) column "name" contains null values

[SQL: ALTER TABLE users ADD COLUMN name TEXT NOT NULL]
"""


def ran(output: str, exit_code: int = 1) -> Command:
    return Command(line="alembic upgrade head", exit_code=exit_code, output=output)


def test_a_stack_is_left_out_and_the_error_stays() -> None:
    assert ran(FAILED).brief().output.splitlines() == [
        "INFO  [alembic.runtime.migration] Running upgrade  -> a1, add name",
        "(… 10 lines of Python's stack are left out here)",
        'sqlalchemy.exc.IntegrityError: (psycopg2.errors.NotNullViolation) column "name" contains null values',
        "",
        "[SQL: ALTER TABLE users ADD COLUMN name TEXT NOT NULL]",
    ]


@pytest.mark.parametrize("output", ["", "FAILED: Can't locate revision", "Traceback (most recent call last):\n  File"])
def test_what_has_no_stack_and_error_stays_as_it_is(output: str) -> None:
    assert ran(output).brief().output == output


def test_a_long_line_is_folded_and_loses_nothing() -> None:
    shown = ran("word " * 60 + "at last", exit_code=0).view().blocks[0].text

    assert max(map(len, shown.splitlines())) <= WIDTH
    assert shown.split() == ["word"] * 60 + ["at", "last"]


def test_a_command_that_prints_nothing_says_so() -> None:
    assert "printed nothing" in ran("\n", exit_code=0).view().blocks[0].text


def test_a_column_of_rows_is_known_by_its_name() -> None:
    rows = Rows(name="users", columns=("id", "age"), rows=((1, None), (2, 30)))

    assert (str(rows), rows.column("age")) == ("users: 2 rows", (None, 30))
    with pytest.raises(UsageError, match="no column 'agee'") as refused:
        rows.column("agee")
    assert "id, age" in refused.value.next_step


# fmt: off
VERDICTS = {  #                 what a step shows                                       its verdict
    "a command that ends well":   (ran("", exit_code=0),                                Verdict.OK),
    "a command that fails":       (ran("", exit_code=255),                              Verdict.FAILED),
    "rows that were refused":     (Refusal(name="users", said="violates"),              Verdict.REFUSED),
    "rows that were taken":       (Refusal(name="users", said=""),                      Verdict.OK),
    "a file that was removed":    (Edit(path="a.py", difference="", done="removed"),    Verdict.OK),
    "claims that hold":           (Lesson(name="x", claims=(("a", True),)),             Verdict.OK),
    "a claim that does not hold": (Lesson(name="x", claims=(("a", True), ("b", False))), Verdict.FAILED),
    "no claim at all":            (Lesson(name="x", claims=()),                         Verdict.UNKNOWN),
}
# fmt: on


@pytest.mark.parametrize(("step", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(step: Command, verdict: Verdict) -> None:
    assert step.verdict is verdict
    assert set(step._repr_mimebundle_()) == {"text/html", "text/plain"}
