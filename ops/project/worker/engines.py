"""What env.py asks for at every run, and is given once: engines, and the set-up of logging."""

from .state import STATE


class Engines:
    """Engines that env.py made in one run, for the next run that asks for the same.

    env.py makes its engine anew at every run, and a new one asks the server who it is and compiles every statement
    again, which was half of the price of one run per revision. Plain Alembic has one engine for all revisions, too.
    One is given again only to a call with the same plain arguments, when nobody has changed it since (added a
    listener, set an option), and to one caller in each run. Its connections are proved like any other.
    """

    def __init__(self):
        self.idle = {}
        self.lent = []

    def give(self, create, url, keywords):
        """An engine for these arguments: one of an earlier run, or a new one by `create`."""
        from sqlalchemy.pool import NullPool

        if keywords.get("poolclass") is not NullPool or not all(map(is_plain, keywords.values())):
            return create(url, **keywords)
        text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        key = (text, tuple(sorted(keywords.items())))
        engine, before = self.idle.pop(key, (None, None))
        if engine is None:
            engine = create(url, **keywords)
            before = look_of(engine)
        self.lent.append((key, engine, before))
        return engine

    def take_back(self):
        """For the end of a run of env.py."""
        self.idle.update((key, (engine, before)) for key, engine, before in self.lent if look_of(engine) == before)
        self.lent = []


def is_plain(value):
    """Whether two calls with this value mean the same."""
    return value is None or isinstance(value, (str, bool, int, float, type))


def look_of(engine):
    """What env.py may have changed of an engine for whoever uses it next."""
    counts = [
        len(getattr(one.dispatch, name))
        for one in (engine, engine.pool, engine.dialect)
        for name in one.dispatch._event_names
    ]
    return counts, dict(engine.get_execution_options()), type(engine.pool)


def keep_engines():
    """Have env.py's own `create_engine` ask `Engines` while revisions run; a migration's is never touched."""
    import sqlalchemy
    import sqlalchemy.engine
    import sqlalchemy.engine.create

    usual = sqlalchemy.engine.create.create_engine

    def create_engine(*args, **keywords):
        if STATE.engines is None or STATE.step is not None or len(args) != 1:
            return usual(*args, **keywords)
        return STATE.engines.give(usual, args[0], keywords)

    for module in (sqlalchemy, sqlalchemy.engine, sqlalchemy.engine.create):
        module.create_engine = create_engine


def quiet_file_config():
    """Have `logging.config.fileConfig` do the same work once: env.py asks for it at every run."""
    import logging.config

    usual = logging.config.fileConfig
    done = set()

    def once(fname, *args, **keywords):
        key = repr((fname, args, keywords)) if isinstance(fname, str) or hasattr(fname, "__fspath__") else None
        if key is None or key not in done:
            usual(fname, *args, **keywords)
            done.add(key)

    logging.config.fileConfig = once
