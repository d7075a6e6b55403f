"""What the models say, made in an empty database."""

from .below import state_of
from .models import describe_models, metadatas, names_given
from .pieces import create_piece_by_piece, in_autocommit_mode, statements_of
from .project import nothing
from .refused import DUPLICATE, found_wrong

REFUSALS = 500


def do_models(project, request):
    """Make what the models say in an empty database: whatever cannot be made is left out and named."""
    from sqlalchemy import event

    answer = {"failed": []}

    def create(context):
        connection = context.connection
        answer["models"] = describe_models(context)
        answer["names"] = list(names_given(context))
        wanted = metadatas(context)
        for metadata in wanted:
            make_taken_for_granted(connection, metadata)
        prepared = [(metadata, statements_of(connection, metadata)) for metadata in wanted]
        if all(statements is not None for _, statements in prepared):
            with in_autocommit_mode(context):
                for metadata, statements in prepared:
                    create_piece_by_piece(context.connection, metadata, statements, answer["failed"])
        else:
            current = []

            def before(conn, element, *rest):
                current[:] = [element]

            event.listen(connection, "before_execute", before)
            for metadata in wanted:
                create_all(connection, metadata, current, answer["failed"])
        if getattr(context, "_transaction", None) is None and connection.in_transaction():
            # Below SQLAlchemy: a transaction that env.py began is its own to end, which fails where somebody else has.
            # Where env.py ends none, what was made would be lost.
            connection.connection.commit()

    project.run_env(fn=nothing, instead=create, dont_mutate=True)
    return answer


def create_all(connection, metadata, current, failed):
    """All of it, or all but the elements that the server refuses: each is taken out, and all is tried again.

    For models that ask the database while they are made, so that nobody knows beforehand what will be executed. An
    entry of `failed` whose `object` is None means that nothing of this metadata was made.
    """
    from sqlalchemy.exc import SQLAlchemyError

    check = False
    for _ in range(REFUSALS):
        savepoint = connection.begin_nested()
        try:
            metadata.create_all(connection, checkfirst=check)
        except SQLAlchemyError as error:
            element = current[0] if current else None
            savepoint.rollback()  # which is an element of its own to `before_execute`
            if not check and state_of(getattr(error, "orig", None) or error) == DUPLICATE:
                check = True  # a type that another metadata has made already
                continue
            failed.append(found_wrong(connection, metadata, element, error))
            if failed[-1]["object"] is None:
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
