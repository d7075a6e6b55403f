"""What the models say, made in an empty database."""

from .below import commit, state_of
from .models import describe_models, metadatas
from .project import nothing

DUPLICATE = "42710"
EXHAUSTED = "53"  # the class of insufficient resources: memory, room, locks
REFUSALS = 500

CONSTRAINTS = {
    "PrimaryKeyConstraint": "primary key",
    "UniqueConstraint": "unique",
    "ForeignKeyConstraint": "foreign key",
    "CheckConstraint": "check",
    "ExcludeConstraint": "exclusion",
}


def do_models(project, request):
    """Make what the models say in an empty database: whatever cannot be made is left out and named."""
    from sqlalchemy import event

    answer = {"failed": []}

    def create(context):
        connection = context.connection
        answer["models"] = describe_models(context)
        current = []

        def before(conn, element, *rest):
            current[:] = [element]

        event.listen(connection, "before_execute", before)
        for metadata in metadatas(context):
            create_all(connection, metadata, current, answer["failed"])
        if getattr(context, "_transaction", None) is None and connection.in_transaction():
            commit(connection)

    project.run_env(fn=nothing, instead=create, dont_mutate=True)
    return answer


def create_all(connection, metadata, current, failed):
    """All of it, or all but the elements that the server refuses: each is taken out, and all is tried again.

    An entry of `failed` whose `object` is None means that nothing of this metadata was made.
    """
    from sqlalchemy.exc import SQLAlchemyError

    check = False
    default = connection.dialect.default_schema_name
    make_taken_for_granted(connection, metadata)
    for _ in range(REFUSALS):
        savepoint = connection.begin_nested()
        try:
            metadata.create_all(connection, checkfirst=check)
        except SQLAlchemyError as error:
            element = current[0] if current else None
            savepoint.rollback()  # which is an element of its own to `before_execute`
            original = getattr(error, "orig", None) or error
            state = state_of(original) or ""
            if not check and state == DUPLICATE:
                check = True  # a type that another metadata has made already
                continue
            if state.startswith(EXHAUSTED):  # no fault of the element that happened to come last
                found = {"object": None, "keys": []}
            else:
                found = take_out(metadata, element, default)
            found["why"] = str(original).strip().split("\n")[0]
            failed.append(found)
            if found["object"] is None:
                return
        else:
            savepoint.commit()
            return
    failed.append({"object": None, "keys": [], "why": "the server refused more than %d objects" % REFUSALS})


def make_taken_for_granted(connection, metadata):
    """Types that are said to be there already (`create_type=False`), as the models describe them.

    In a history it is a revision that creates them; whether it does so as they say is what is to be compared.
    """
    from sqlalchemy.exc import SQLAlchemyError

    made = set()
    for table in metadata.tables.values():
        for column in table.columns:
            kind = getattr(column.type, "item_type", column.type)
            if getattr(kind, "create_type", True) or kind.name in made:
                continue
            made.add(kind.name)
            savepoint = connection.begin_nested()
            try:
                kind.create(connection, checkfirst=True)
            except SQLAlchemyError:
                savepoint.rollback()  # the table that needs it says so
            else:
                savepoint.commit()


def take_out(metadata, element, default):
    """Remove from the metadata what a DDL element would have made, and say what is lost with it.

    `object` is its name, None where nothing could be removed. `keys` are kind, schema, table and name of all that is
    lost; a name of None stands for whatever the server would have called it.
    """
    thing = getattr(element, "element", None)
    kind = type(element).__name__
    if thing is None:
        return {"object": None, "keys": []}
    if kind == "CreateTable":
        keys = take_out_table(metadata, thing, default)
    elif kind == "CreateIndex":
        keys = [key_of("index", thing, default)]
        thing.table.indexes.discard(thing)
    elif kind == "AddConstraint":
        keys = [key_of(CONSTRAINTS.get(type(thing).__name__, "constraint"), thing, default)]
        thing.table.constraints.discard(thing)
    else:
        return {"object": None, "keys": []}
    word = kind[6:].lower() if kind.startswith("Create") else "constraint"
    return {"object": "%s %s" % (word, name_of(thing)), "keys": keys}


def take_out_table(metadata, table, default):
    """Remove a table, with the foreign keys of others to it; returns the keys of all that is lost, its types too."""
    keys = [["table", table.schema or default, "", table.name]]
    for column in table.columns:
        if getattr(column.type, "native_enum", False) or type(column.type).__name__ == "DOMAIN":
            word = "domain" if type(column.type).__name__ == "DOMAIN" else "enum"
            keys.append([word, getattr(column.type, "schema", None) or default, "", column.type.name])
    for other in list(metadata.tables.values()):
        for constraint in list(other.foreign_key_constraints):
            if other is not table and constraint.referred_table is table:
                keys.append(key_of("foreign key", constraint, default))
                other.constraints.discard(constraint)
    metadata.remove(table)
    return keys


def key_of(kind, one, default):
    """Kind, schema, table and name of an index or a constraint."""
    name = one.name if isinstance(one.name, str) else None
    return [kind, one.table.schema or default, one.table.name, name]


def name_of(thing):
    """What a table, an index or a constraint is called where people read it."""
    table = getattr(thing, "table", None)
    if table is None:
        return dotted(getattr(thing, "schema", None), getattr(thing, "name", None) or str(thing))
    name = thing.name
    if name is None or not isinstance(name, str):
        name = "(unnamed on %s)" % ", ".join(column.name for column in getattr(thing, "columns", ()))
    return dotted(table.schema, table.name, name)


def dotted(*parts):
    """The parts that there are, with dots between them."""
    return ".".join(str(part) for part in parts if part)
