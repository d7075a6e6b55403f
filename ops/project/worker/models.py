"""The project's models: which env.py compares, and which it misses."""

import ast
import os
import sys

from .state import STATE

STANDARD = os.path.dirname(os.__file__) + os.sep  # nobody keeps models there


def metadatas(context):
    """Every MetaData of `target_metadata`."""
    from alembic.util import to_list

    found = context.opts.get("target_metadata")
    return [] if found is None else list(to_list(found))


def describe_models(context):
    """How many MetaData there are, their tables, and the mapped classes that none of them has."""
    wanted = metadatas(context)
    tables = sorted({key for one in wanted for key in one.tables})
    return {"metadata": len(wanted), "tables": tables, "missing": missing_models(wanted, set(tables))}


def names_given(context):
    """For each table, the names that the models give its constraints; the server chooses those of the others."""
    dialect = context.connection.dialect
    preparer = dialect.identifier_preparer
    usual = dialect.default_schema_name
    if STATE.dialect == "mariadb":
        usual = ""  # a schema is a database there, and a copy's has another name
    for metadata in metadatas(context):
        for table in metadata.tables.values():
            named = [one for one in table.constraints if one.name is not None]
            names = [name for name in map(preparer.format_constraint, named) if name is not None]
            given = [preparer.unformat_identifiers(name)[-1] for name in names]
            yield [table.schema or usual, table.name, given]


def missing_models(wanted, known):
    """Mapped classes that the project has and `target_metadata` has not: usually a model nobody imported."""
    imported, folders, loaded = imported_models(wanted, known)
    found = imported + [one for folder in sorted(folders) for one in unimported_models(folder, known, loaded)]
    unique = {(one["path"], one["class"]): one for one in found}
    return [unique[key] for key in sorted(unique)]


def imported_models(wanted, known):
    """Classes that are imported, of another metadata; the folders that hold models; and the files that are loaded."""
    found = []
    folders = set()
    loaded = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or "site-packages" in file or file.startswith(STANDARD) or not file.endswith(".py"):
            continue
        loaded.add(os.path.realpath(file))
        for value in list(vars(module).values()):
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            metadata = getattr(value, "metadata", None)
            if any(metadata is one for one in wanted):
                folders.add(os.path.dirname(os.path.realpath(file)))
            table = getattr(value, "__table__", None)
            if table is not None and getattr(table, "key", None) not in known:
                found.append({"class": value.__name__, "table": table.key, "path": file, "imported": True})
    return found, folders - {os.getcwd(), "/"}, loaded


def unimported_models(folder, known, loaded):
    """Classes in files below a folder that nobody has imported."""
    for directory, subfolders, files in os.walk(folder):
        subfolders[:] = sorted(one for one in subfolders if not one.startswith((".", "__")))
        for name in sorted(files):
            path = os.path.realpath(os.path.join(directory, name))
            if not name.endswith(".py") or path in loaded:
                continue
            for cls, table in mapped_classes(path):
                if table not in known and not any(one.endswith("." + table) for one in known):
                    yield {"class": cls, "table": table, "path": path, "imported": False}


def mapped_classes(path):
    """Classes with a `__tablename__` in a file, read without running it."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (SyntaxError, ValueError, OSError):
        return  # not a module that could be imported; nothing to warn of
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            if any(isinstance(one, ast.Name) and one.id == "__tablename__" for one in targets):
                value = statement.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield node.name, value.value
