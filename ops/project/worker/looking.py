"""What env.py configures, from a run that migrates nothing."""

import io

from . import kinds
from .models import describe_models
from .project import nothing
from .state import STATE, Abandoned


def do_probe(project, request):
    """What env.py configures, and which models it compares."""
    answer = {}

    def look(context):
        if answer:
            return
        answer.update(describe_offline(context) if STATE.nowhere else describe_context(context))
        answer["models"] = describe_models(context)

    if STATE.nowhere:
        look_offline(project, look)
    else:
        project.look_at_env(look)
    answer["left_out"] = STATE.left_out
    return answer


def look_offline(project, look):
    """Run env.py as `--sql` does, which opens no connection."""
    previous = project.config.output_buffer
    project.config.output_buffer = io.StringIO()
    try:
        project.run_env(fn=nothing, instead=look, as_sql=True)
    finally:
        project.config.output_buffer = previous


def describe_offline(context):
    """The same, as far as it is known without a connection; the schema is None where env.py does not name it."""
    known = described(context, context.dialect, None, None, None)
    return dict(known, version_table_schema=context.opts.get("version_table_schema"))


def describe_context(context):
    """The options of a migration context, and what its connection says of itself."""
    opts = context.opts
    table = opts.get("version_table") or "alembic_version"
    schema = opts.get("version_table_schema")
    connection = context.connection
    if connection is None:
        raise Abandoned("env.py configured no connection")
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(table) if schema is None else "%s.%s" % (quote(schema), quote(table))
    row = kinds.of_target().where_is(connection, name)
    return described(context, connection.dialect, *row)


def described(context, dialect, there, default_schema, role):
    """What is known of a context; `there` is the schema in which the version table is."""
    opts = context.opts
    schema = opts.get("version_table_schema")
    return {
        "version_table": opts.get("version_table") or "alembic_version",
        "version_table_schema": schema or there or default_schema or "public",
        "version_table_exists": there is not None,
        "role": role,
        "default_schema": default_schema,
        "transaction_per_migration": bool(opts.get("transaction_per_migration")),
        "has_filters": opts.get("include_name") is not None or opts.get("include_object") is not None,
        "include_schemas": bool(opts.get("include_schemas")),
        "driver": dialect.driver,
    }
