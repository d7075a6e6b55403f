"""The command line: arguments and exit codes, nothing else."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ops.errors import OpsError

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 6

EXIT_CODES = """\
exit codes:
  0  OK          done, or as it should be
  1  FAILED      an error; the result says whether anything was changed
  2              usage: unknown notebook, target or parameter, wrong type
  3  ATTENTION   drift, hazard over the limit, pending where none may be
     UNKNOWN     something could not be checked
  4  REFUSED     the guard said no; nothing was changed
  5  REFUSED     busy: another run holds the lock, or lock waits ran out
  6  UNKNOWN     interrupted: kernel or worker died; look at the state
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback ever reaches the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except OpsError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return 0
    except Exception as error:
        _complain(_logged(error))
        return 1


def _list(options: argparse.Namespace) -> int:
    from ops.runbook.catalogue import catalogue

    return _show(catalogue(), as_json=options.json)


def _targets(options: argparse.Namespace) -> int:
    from ops import targets

    return _show(targets.describe_targets(), as_json=options.json)


def _run(options: argparse.Namespace) -> int:
    from pathlib import Path

    from ops.errors import UsageError
    from ops.runbook.catalogue import find
    from ops.runbook.parameters import from_text

    about = find(options.name)
    given = list(options.parameter)
    if options.target is not None:
        if any(text.partition("=")[0].strip() == "target" for text in given):
            raise UsageError("The target is given twice.", next_step="Give --target or -p target=…, not both.")
        given.append(f"target={options.target}")
    values = from_text(about.parameters, given, notebook=about.name)
    from ops.runbook import headless, notify

    webhook = notify.webhook(options.notify_url)
    _keep_out_of_the_home_directory()
    record = headless.execute(about.name, values, out=Path(options.out) if options.out else None)
    _say(record.text if options.json else _summary(record))
    if webhook is not None:
        webhook.tell(record.verdict, record.folder / "result.json", _complain)
    return record.exit_code


def _lab(options: argparse.Namespace) -> int:
    from ops.runbook import lab

    return lab.main(options.extra)


def _demo(options: argparse.Namespace) -> int:
    from ops import demo

    _keep_out_of_the_home_directory()
    return demo.main()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ops",
        description="Notebooks that operate the schema of a PostgreSQL database that Alembic manages.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Any, words: str, **more: Any) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=words, description=words, allow_abbrev=False, **more)
        sub.set_defaults(command=command)
        return sub

    one = add("list", _list, "list the notebooks: question, effects, parameters with types and defaults")
    one.add_argument("--json", action="store_true", help="print JSON")

    one = add(
        "run",
        _run,
        "execute one notebook headlessly",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("name", metavar="NAME", help="the notebook, or a unique prefix such as 10")
    one.add_argument(
        "-p",
        "--parameter",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a parameter of the notebook, read by its declared type; may be repeated",
    )
    one.add_argument("--target", metavar="T", help="the database: the same as -p target=T")
    one.add_argument(
        "--json", action="store_true", help="print result.json on standard output; progress stays on standard error"
    )
    one.add_argument(
        "--out",
        metavar="DIR",
        help="the folder for notebook.ipynb, report.html and result.json (those of an earlier run are "
        "replaced), instead of a dated one under runs/",
    )
    one.add_argument(
        "--notify-url",
        metavar="URL",
        help="post result.json there for every verdict but OK: https, or http to this machine; that it fails changes "
        "no exit code. Others can read a command line: OPS_NOTIFY_URL, in the environment or .env, does the same",
    )

    one = add("targets", _targets, "list the targets, masked, with what each resolves to")
    one.add_argument("--json", action="store_true", help="print JSON")

    one = add("lab", _lab, "open JupyterLab on the start notebook, in a dated copy of the notebooks")
    one.add_argument("extra", nargs="*", metavar="-- ARGUMENT", help="arguments for `jupyter lab`, after --")

    add("demo", _demo, "the whole story on the demo database: inspect, compare, upgrade, verify, roll back")
    return parser


def _show(result: Any, *, as_json: bool) -> int:
    if as_json:
        import json

        _say(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        from ops.display.text import to_text

        _say(to_text(result.view()))
    return 0


def _summary(record: Any) -> str:
    content = record.content
    where = f" on {content['target']}" if content["target"] else ""
    lines = [f"{content['verdict']}  {content['notebook']}{where}: {content['summary']}"]
    if content["error"]:
        lines.append(f"Next: {content['error']['next_step']}")
    lines += content["data"].get("lines", ())
    lines += [f"  {record.folder / name}" for name in ("result.json", *content["artifacts"])]
    return "\n".join(lines)


def _say(text: str) -> None:
    try:
        print(text.rstrip("\n"), flush=True)
    except BrokenPipeError:  # whoever read our output has seen enough; the exit code stands
        _close_stdout()
    except OSError as error:  # a full disk: what was done is done, and the exit code says it
        _close_stdout()
        _complain(f"The output could not be written: {error.strerror}.")


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _close_stdout() -> None:
    """Send what is still buffered nowhere: Python would complain when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _keep_out_of_the_home_directory() -> None:
    from ops.runbook.kernel import environment
    from ops.settings import home

    os.environ.update(environment(home()))


def _logged(error: Exception) -> str:
    """Write the traceback of something unforeseen to a file, and return one line that names it."""
    import datetime as dt
    import traceback

    from ops.settings import home, redact

    problem = redact(f"{type(error).__name__}: {' '.join(str(error).split())}")[:500]
    stack = redact("".join(traceback.format_exception(error)))
    try:
        file: Path = home() / ".ops" / "errors.log"
        file.parent.mkdir(exist_ok=True)
        with open(file, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{dt.datetime.now(dt.UTC).isoformat()}\n{stack}\n")
    except (OSError, OpsError) as unwritable:
        return f"This was not foreseen: {problem}. (No log could be written: {type(unwritable).__name__}.)"
    return f"This was not foreseen: {problem}. Details: {file}"


if __name__ == "__main__":
    sys.exit(main())
