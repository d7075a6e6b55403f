"""What env.py configures, from a run that migrates nothing."""

from .models import describe_models
from .state import STATE, Abandoned


def do_probe(project, request):
    """What env.py configures, and which models it compares."""
    answer = {}

    def look(context):
        if answer:
            return
        answer.update(describe_context(context))
        answer["models"] = describe_models(context)

    project.look_at_env(look)
    answer["left_out"] = STATE.left_out
    return answer


def describe_context(context):
    """The options of a migration context, and what its connection says of itself."""
    opts = context.opts
    table = opts.get("version_table") or "alembic_version"
    schema = opts.get("version_table_schema")
    connection = context.connection
    if connection is None:
        raise Abandoned("env.py configured no connection")
    from sqlalchemy import text

    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(table) if schema is None else "%s.%s" % (quote(schema), quote(table))
    row = connection.execute(
        text(
            "SELECT (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(:name)),"
            " pg_catalog.current_schema(), current_user::text"
        ),
        {"name": name},
    ).fetchone()
    return {
        "version_table": table,
        "version_table_schema": schema or row[0] or row[1] or "public",
        "version_table_exists": row[0] is not None,
        "role": row[2],
        "default_schema": row[1],
        "transaction_per_migration": bool(opts.get("transaction_per_migration")),
        "has_filters": opts.get("include_name") is not None or opts.get("include_object") is not None,
        "include_schemas": bool(opts.get("include_schemas")),
        "driver": connection.dialect.driver,
    }
