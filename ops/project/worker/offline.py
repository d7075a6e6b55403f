"""The SQL of revisions as `--sql` writes it: no connection is opened."""

import io
import re

from .project import migration_step

MARKER = "-- ops:revision:"


def do_sql(project, request):
    """The SQL of some revisions. Each step says which rows the version table has before it."""
    steps = request["steps"]
    if project.hello.get("part"):
        return {"sql": [offline_one(project, step, request["direction"]) for step in steps]}
    try:
        return {"sql": offline(project, steps, request["direction"])}
    except (Exception, SystemExit):
        # One of them needs a database: one by one, so that it is named and the others are shown.
        return {"sql": [offline_one(project, step, request["direction"]) for step in steps]}


def offline(project, steps, direction):
    """Revision and SQL of each step."""
    buffer = io.StringIO()
    previous = project.config.output_buffer
    project.config.output_buffer = buffer

    def change(keywords):
        keywords.pop("output_buffer", None)

    def run(heads, context):
        for step in steps:
            context.impl.static_output(MARKER + step["revision"])
            yield migration_step(project.script, step["revision"], direction)
        # What comes after is not the revisions': `--sql` drops the version table at base, a real run keeps it.
        context.impl.static_output(MARKER)

    try:
        # Not the comma-separated text of the command line: that is one revision's name to what reads it here.
        project.run_env(fn=run, change=change, as_sql=True, starting_rev=tuple(steps[0]["heads"]) or None)
    finally:
        project.config.output_buffer = previous
    parts = re.split("^" + re.escape(MARKER) + r"(.*)$", buffer.getvalue(), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2]))
    return [{"revision": one["revision"], "sql": tidy(found.get(one["revision"], ""))} for one in steps]


def offline_one(project, step, direction):
    """Revision and SQL of one step; in place of the SQL why there is none."""
    if project.hello.get("part"):
        why = "an env.py of several databases writes it to files of its own"
        return {"revision": step["revision"], "sql": None, "why": why}
    try:
        return offline(project, [step], direction)[0]
    except (Exception, SystemExit) as error:
        return {"revision": step["revision"], "sql": None, "why": "%s: %s" % (type(error).__name__, error)}


def tidy(sql):
    """The SQL without the transaction that `--sql` writes round it."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"^(BEGIN|COMMIT);$", "", sql, flags=re.MULTILINE)).strip()
