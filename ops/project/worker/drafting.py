"""A new version file, by hand or from the models, as Alembic writes it."""

from pathlib import Path

from .history import describe
from .models import describe_models
from .offline import offline_one

OURS = "alembic_ops"


def do_draft(project, request):
    """A new version file: written where it belongs, or, to look at, into a folder of the parent's."""
    context = revision_context(project, request)
    models = fill(project, request, context)
    meant = {}
    if not request["write"]:
        write_elsewhere(project.script, request["folder"], meant)
    written = written_whole(project.script, context)
    if not written:
        return {"revision": None, "models": models}
    found = written[-1]
    with open(str(found.path), encoding="utf-8") as file:
        content = file.read()
    answer = describe(found)
    answer.update(path=meant.get("path", str(found.path)), content=content, models=models)
    for direction, key, heads in (
        ("up", "upgrade_sql", answer["down_revisions"]),
        ("down", "downgrade_sql", [answer["revision"]]),
    ):
        one = offline_one(project, {"revision": answer["revision"], "heads": heads}, direction)
        answer[key] = one["sql"]
        answer[key + "_why"] = one.get("why")
    return answer


def written_whole(script, context):
    """Have the files written. One that the disk had no room for does not stay: half of it would break the history."""
    usual = script._rev_path
    begun = []

    def noted(*where):
        path = usual(*where)
        begun.append(Path(path))
        return path

    script._rev_path = noted
    try:
        return [one for one in context.generate_scripts() if one is not None]
    except OSError:
        for path in begun:
            if path.is_file():
                path.unlink()
        raise


def revision_context(project, request):
    """What `alembic revision` works with, once it has read its arguments."""
    from alembic.autogenerate import RevisionContext
    from alembic.util import rev_id

    arguments = {
        "message": request["message"],
        "autogenerate": request["autogenerate"],
        "sql": False,
        "head": request.get("head") or "head",
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": request.get("rev_id") or rev_id(),
        "depends_on": None,
    }
    context = RevisionContext(project.config, project.script, arguments)
    body = request.get("body")
    if body:
        # the template puts them behind the indentation of their first line
        context.template_args.update({name: "\n    ".join(text.splitlines()) for name, text in body.items()})
    return context


def fill(project, request, context):
    """Run env.py where the draft needs it: to compare, or as the project demands. Returns the models that it has."""
    found = {}

    def instead(migration_context):
        if found:
            return
        found["models"] = describe_models(migration_context)
        heads = migration_context.get_current_heads()
        if request["autogenerate"]:
            context.run_autogenerate(heads, migration_context)
        else:
            context.run_no_autogenerate(heads, migration_context)

    demanded = (project.config.get_main_option("revision_environment") or "") in ("true", "1")
    if request["autogenerate"] or demanded:
        project.look_at_env(instead, change=without_ours, template_args=context.template_args, revision_context=context)
    return found.get("models")


def without_ours(keywords):
    """Leave the schema of the parent's ledger out of a draft: no model has it, and nobody means to drop it."""
    theirs = keywords.get("include_name")

    def include_name(name, kind, parents):
        return not (kind == "schema" and name == OURS) and (theirs is None or theirs(name, kind, parents))

    keywords["include_name"] = include_name


def write_elsewhere(script, folder, meant):
    """Have the file written into a folder of the parent's; `meant["path"]` is where it belongs."""
    usual = script._rev_path

    def elsewhere(place, *rest):
        meant["path"] = str(usual(place, *rest))
        return Path(folder) / Path(meant["path"]).name

    script._rev_path = elsewhere
