"""The project's own filters: which objects it lets take part in a comparison."""

from .models import metadatas


def do_wanted(project, request):
    """Which objects the project's include_name and include_object let take part in a comparison."""
    objects = request["objects"]
    answer = {"wanted": [True] * len(objects)}

    def ask_project(context):
        for position, one in enumerate(objects):
            if not is_wanted(context, one):
                answer["wanted"][position] = False

    project.look_at_env(ask_project)
    return answer


def is_wanted(context, one):
    """What the filters say of one object; where it is only a name, something stands in for it."""
    include_name = context.opts.get("include_name")
    include_object = context.opts.get("include_object")
    # Alembic calls the default schema None, whatever it is called
    schema = None if one["schema"] == context.connection.dialect.default_schema_name else one["schema"]
    if one["type"] == "schema":
        return include_name is None or bool(include_name(schema, "schema", {}))
    table = one["name"] if one["table"] is None else one["table"]
    parents = {
        "schema_name": schema,
        "schema_qualified_table_name": table if schema is None else "%s.%s" % (schema, table),
    }
    if one["type"] != "table":
        parents["table_name"] = table
    if include_name is not None and not include_name(one["name"], one["type"], parents):
        return False
    if include_object is None:
        return True
    modelled = model_of(metadatas(context), schema, table, one)
    thing = stand_in(schema, table, one) if modelled is None else modelled
    return bool(include_object(thing, one["name"], one["type"], modelled is None, None))


def model_of(wanted, schema, table, one):
    """The models' own object of that name, with its `info`; None where they have none."""
    for metadata in wanted:
        holder = metadata.tables.get(table if schema is None else "%s.%s" % (schema, table))
        if holder is None:
            continue
        if one["type"] == "table":
            return holder
        if one["type"] == "column":
            return next((column for column in holder.columns if column.name == one["name"]), None)
        among = [thing for thing in holder.indexes | holder.constraints if thing.__visit_name__ == one["type"]]
        named = [thing for thing in among if thing.name == one["name"]]
        # who leaves the name to the server is known by the columns
        columns = sorted(one.get("columns", ()))
        alike = [thing for thing in among if columns and sorted(names_of(thing)) == columns]
        return next(iter(named + alike), None)
    return None


def names_of(thing):
    """The names of the columns of a constraint or an index."""
    return [column.name for column in thing.columns]


def stand_in(schema, table, one):
    """Something of that type, name and columns, for hooks that look at more than its name."""
    from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint
    from sqlalchemy.types import NullType

    names = one.get("columns") or ["_"]
    holder = Table(table, MetaData(), *[Column(name, NullType()) for name in names], schema=schema)
    if one["type"] == "table":
        return holder
    if one["type"] == "column":
        thing = Column(one["name"], NullType())
        holder.append_column(thing)
        return thing
    if one["type"] == "unique_constraint":
        thing = UniqueConstraint(*names, name=one["name"])
    elif one["type"] == "foreign_key_constraint":
        thing = ForeignKeyConstraint(names, ["%s.%s" % (holder.fullname, name) for name in names], name=one["name"])
    else:
        return Index(one["name"], *holder.c)
    holder.append_constraint(thing)
    return thing
