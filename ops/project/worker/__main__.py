"""Starts the worker: loads the parts beside this file under a name that no project has, and serves."""

import sys

HERE = __file__.rpartition("/")[0]

# A script's folder comes first on the path, and ours must never hide a module of the project's.
sys.path[:] = [entry for entry in sys.path if entry != HERE]

PRIVATE = "_alembic_ops_worker"


def load():
    """The part that serves. Where this process was forked with all of them, they are not loaded again."""
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location

    if PRIVATE not in sys.modules:
        spec = spec_from_file_location(PRIVATE, HERE + "/__init__.py", submodule_search_locations=[HERE])
        sys.modules[PRIVATE] = package = module_from_spec(spec)
        spec.loader.exec_module(package)
    return import_module(PRIVATE + ".serving")


if __name__ == "__main__":
    load().main()
