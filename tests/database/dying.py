"""Upgrade a target to head, and die on the way: `python -m tests.database.dying TARGET WHO POINT [WHAT]`.

WHAT is `up` or `down`, to the shop's first revision; or a case, which is mended instead: each statement of the repair
is one more event, before it runs.

WHO is `worker`, `parent` or `server`, whose process id is in DYING_SERVER. POINT is the number of an event of the
worker's: before and behind every statement, at every commit, behind every revision. The parent dies before it has
heard of it, the others when it has, and has put on record what there was to say. A negative number is a statement that
runs CONCURRENTLY, while it waits for a lock. WHO `nobody` lives, and prints all events.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from typing import Any

import psycopg2

import ops
from ops.apply import act, mending
from ops.project import Answer, Event

EVENTS = ("statement", "statement-done", "commit", "revision-done")

NAMED = re.compile(r"(?: ON|DROP INDEX CONCURRENTLY|REINDEX INDEX CONCURRENTLY) (\w+)")
"""The table of a statement that runs CONCURRENTLY, or its index."""

TABLE_OF = """
    SELECT coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = %(name)s::regclass), %(name)s::regclass)::regclass
"""
WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE query ~ 'CONCURRENTLY' AND wait_event_type = 'Lock' AND datname = current_database()
"""


def main(target: str, who: str, point: int, what: str = "up") -> None:
    """Run the change or the repair, with death in it."""
    seen: list[str] = []
    slow: list[str] = []
    listen, execute = act._Change._listen, mending.execute

    def kill(here: Any) -> None:
        number = {
            "worker": lambda: here.worker.pid,
            "parent": os.getpid,
            "server": lambda: int(os.environ["DYING_SERVER"]),
        }[who]()
        print("killed", number, flush=True)
        os.kill(number, signal.SIGKILL)
        time.sleep(0.2)

    def dying(change: Any, event: Event) -> Answer | None:
        if event["event"] in EVENTS:
            seen.append(f"{event['event']} {' '.join(str(event.get('sql', '')).split())[:60]}".rstrip())
            if len(seen) == point and who == "parent":
                kill(change.here)
        answer = listen(change, event)
        if event["event"] in EVENTS:
            if len(seen) == point:
                kill(change.here)
            if event["event"] == "statement" and "CONCURRENTLY" in event["sql"]:
                slow.append(event["sql"])
                if len(slow) == -point:
                    threading.Thread(
                        target=wait_and_kill, args=(change, *hold(change, event["sql"])), daemon=True
                    ).start()
        return answer

    def hold(change: Any, sql: str) -> tuple[Any, Any]:
        """Have a statement wait: somebody has written to its table, and has not ended the transaction."""
        url = change.here.settings.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        writer, watcher = psycopg2.connect(url), psycopg2.connect(url)
        watcher.autocommit = True
        with watcher.cursor() as cursor:
            cursor.execute(TABLE_OF, {"name": NAMED.search(sql)[1]})
            [(table,)] = cursor.fetchall()
        writer.cursor().execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
        return writer, watcher

    def wait_and_kill(change: Any, writer: Any, watcher: Any) -> None:
        cursor = watcher.cursor()
        while True:
            cursor.execute(WAITS)
            if cursor.fetchone()[0]:
                break
            time.sleep(0.01)
        kill(change.here)

    def mending_dies(here: Any, sql: str) -> None:
        seen.append(f"mends {sql}")
        if len(seen) == point:
            kill(here)
        execute(here, sql)

    act._Change._listen = dying  # type: ignore[method-assign]
    mending.execute = mending_dies
    if what == "up":
        ops.target(target).upgrade("head", dry_run=False, retries=0)
    elif what == "down":
        ops.target(target).downgrade("m1", dry_run=False, retries=0)
    else:
        ops.target(target).repair(what, dry_run=False)
    print("\n".join(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
