"""What a server refuses of the models: taken out of them, with all that is lost by that."""

from .below import state_of

DUPLICATE = "42710"
EXHAUSTED = "53"  # the class of insufficient resources: memory, room, locks

CONSTRAINTS = {
    "PrimaryKeyConstraint": "primary key",
    "UniqueConstraint": "unique",
    "ForeignKeyConstraint": "foreign key",
    "CheckConstraint": "check",
    "ExcludeConstraint": "exclusion",
}


def found_wrong(connection, metadata, element, error):
    """What is lost by an error, which takes the element out of the metadata; its `object` is None where all is lost."""
    original = getattr(error, "orig", None) or error
    if (state_of(original) or "").startswith(EXHAUSTED):  # no fault of the element that happened to come last
        found = {"object": None, "keys": []}
    else:
        found = take_out(metadata, element, connection.dialect.default_schema_name)
    found["why"] = str(original).strip().split("\n")[0]
    return found


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
