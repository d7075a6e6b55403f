"""One Alembic project, driven through its own env.py."""

import os
import sys
import types
from contextlib import nullcontext

from .postgresql import is_siblings
from .state import STATE, Abandoned, stop_if_aborted


class Project:
    """One Alembic project, with the Config and the ScriptDirectory that all requests share."""

    def __init__(self, hello):
        self.hello = hello
        for name, value in hello.get("environment", {}).items():
            os.environ[name] = value
        sys.path[:0] = hello.get("sys_path", [])
        for name in hello.get("imports", []):
            __import__(name)
        self.config = self.make_config()
        self._script = None

    def make_config(self):
        """Alembic's Config, as the command line would make it, with what the target says."""
        from alembic.config import Config

        hello = self.hello
        file = hello["config"]
        if file.endswith(".toml"):
            config = Config(toml_file=file)
        else:
            config = Config(file)
        config.set_main_option("sqlalchemy.url", hello["url"].replace("%", "%%"))
        for name, value in hello.get("options", []):
            config.set_main_option(name, value.replace("%", "%%"))
        for section, name, value in hello.get("section_options", []):
            config.set_section_option(section, name, value.replace("%", "%%"))
        config.cmd_opts = types.SimpleNamespace(x=list(hello.get("x", [])) or None, name=config.config_ini_section)
        if hello.get("setup"):
            module, _, function = hello["setup"].partition(":")
            getattr(__import__(module, fromlist=[function]), function)(config)
        return config

    @property
    def script(self):
        """The version files; read when they are first asked for."""
        if self._script is None:
            from alembic.script import ScriptDirectory
            from alembic.script.revision import RevisionMap

            self._script = ScriptDirectory.from_config(self.config)
            drafts = self.hello.get("drafts")
            if drafts:
                # Version files that do not stand where they belong yet.
                known = [str(one) for one in self._script._version_locations]
                self._script.version_locations = known + drafts
                self._script.__dict__.pop("_version_locations", None)
                self._script.revision_map = RevisionMap(last_of_each(self._script._load_revisions))
        return self._script

    def run_env(self, fn=None, instead=None, change=None, **options):
        """Run env.py once.

        `fn` yields the steps, `instead` takes the place of `run_migrations`, `change` may alter the
        keywords of `configure`. Returns the contexts that env.py configured.
        """
        from alembic.runtime.environment import EnvironmentContext

        STATE.run += 1
        env = EnvironmentContext(self.config, self.script, fn=fn, **options)
        contexts = []
        ran = []
        configure, run_migrations = env.configure, env.run_migrations

        def configured(*args, **keywords):
            if change is not None:
                change(keywords)
            configure(*args, **keywords)
            context = env.get_context()
            if is_siblings(context.connection):
                return
            if STATE.versioned == version_table_of(context):
                context._has_version_table = lambda: True
            contexts.append(context)

        def run(**keywords):
            if is_siblings(env.get_context().connection):
                return  # that database is a target of its own
            ran.append(True)
            if instead is not None:
                instead(env.get_context())
            else:
                run_migrations(**keywords)

        # Instance attributes: the proxies behind `alembic.context` are made for the exact class.
        env.configure = configured
        env.run_migrations = run

        def enter():
            with env, self.connection_attribute(options.get("as_sql", False)):
                self.script.run_env()

        self.host(enter)
        stop_if_aborted()
        if not ran:
            raise Abandoned("env.py ended without calling context.run_migrations()")
        return contexts

    def look_at_env(self, instead, **options):
        """Run env.py in a session that cannot write, without what it would write before it migrates.

        Some create a schema or widen the version table first. The server refuses that here, whatever it is; env.py is
        then run again without the statement, so that what it sets (a search path, say) is still in force.
        """
        while True:
            STATE.refused = []
            try:
                self.run_env(fn=nothing, instead=instead, dont_mutate=True, **options)
                return
            except (Exception, SystemExit):
                new = [one for one in STATE.refused if one not in STATE.left_out]
                if not new:
                    raise
                STATE.left_out.extend(new)
                STATE.failure = STATE.failed = None

    def host(self, function):
        """Call a function where the target says that env.py wants to be run."""
        if self.hello.get("host") == "anyio":
            import anyio
            import anyio.to_thread

            anyio.run(anyio.to_thread.run_sync, function)
        else:
            function()

    def connection_attribute(self, as_sql):
        """Give env.py a connection in `config.attributes`, where the target says that it wants one."""
        if as_sql or not self.hello.get("connection_attribute"):
            return nullcontext()
        return Given(self.config)


class Given:
    """A connection in `config.attributes["connection"]`, not in a transaction."""

    def __init__(self, config):
        self.config = config
        self.connection = None

    def __enter__(self):
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        engine = create_engine(self.config.get_main_option("sqlalchemy.url"), poolclass=NullPool)
        self.connection = self.config.attributes["connection"] = engine.connect()

    def __exit__(self, *error):
        self.config.attributes.pop("connection", None)
        self.connection.close()


def last_of_each(load):
    """A draft takes the place of the file that has its revision id: it is loaded behind that."""

    def loaded():
        found = list(load())
        last = {one.revision: one for one in found}
        return [one for one in found if last[one.revision] is one]

    return loaded


def nothing(heads, context):
    """The steps of a run of env.py that only looks."""
    return []


def version_table_of(context):
    """Where a migration context keeps its version."""
    return context.version_table, context.version_table_schema


def migration_step(script, revision, direction):
    """Exactly one revision, up or down."""
    from alembic.runtime.migration import MigrationStep

    found = script.get_revision(revision)
    if direction == "up":
        return MigrationStep.upgrade_from_script(script.revision_map, found)
    return MigrationStep.downgrade_from_script(script.revision_map, found)
