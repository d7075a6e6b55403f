"""Which revisions a request means, as Alembic itself understands it."""

from .history import describe_error
from .project import nothing
from .state import Unresolved


def do_resolve(project, request):
    """Which revisions a request means, from where the database is: ids in the order in which they would run."""
    script = project.script
    heads = tuple(request["heads"])
    direction = request["direction"]
    lacking = [(one.module, name) for one in script.walk_revisions() for name in functions_without(one.module)]
    for module, name in lacking:
        setattr(module, name, nothing)  # Alembic looks at the functions of a step before it names the revision
    try:
        if direction == "stamp":
            return resolve_stamp(script, request["revision"], heads)
        steps = (script._upgrade_revs if direction == "up" else script._downgrade_revs)(request["revision"], heads)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unresolved(
            "Alembic cannot tell what %r means from here (%s)" % (request["revision"], describe_error(error))
        )
    finally:
        for module, name in lacking:
            delattr(module, name)
    after = set(heads)
    found = []
    for step in steps:
        after = heads_after(step, after)
        found.append({"revision": step.revision.revision, "heads": sorted(after)})
    return {"steps": found, "heads": sorted(after)}


def resolve_stamp(script, revision, heads):
    """The version table's rows once it is stamped: no revision runs."""
    after = set(heads)
    for step in script._stamp_revs(several(revision), heads):
        after = heads_after(step, after)
    return {"steps": [], "heads": sorted(after)}


def several(revision):
    """What is to be stamped: one row, or one for each branch."""
    return tuple(revision.split(",")) if "," in revision else revision


def functions_without(module):
    """The functions that a version file should have, and has not."""
    return [name for name in ("upgrade", "downgrade") if not hasattr(module, name)]


def heads_after(step, heads):
    """The version table's rows after a step, as Alembic's own HeadMaintainer computes them."""
    from alembic.runtime.migration import HeadMaintainer

    class Silent(HeadMaintainer):
        def _insert_version(self, version):
            self.heads.add(version)

        def _delete_version(self, version):
            self.heads.remove(version)

        def _update_version(self, from_, to_):
            self.heads.remove(from_)
            self.heads.add(to_)

    maintainer = Silent(None, set(heads))
    maintainer.update_to_step(step)
    return set(maintainer.heads)
