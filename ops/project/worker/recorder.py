"""What the project's answers depend on, so that the parent may keep them until one of these changes."""

import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__)) + os.sep

MEMORY = "/dev/shm/"  # no device: a folder, where a project may lie as well


class Recorder:
    """Files read, folders listed, environment variables asked for by the project's code.

    An answer of the project's stays right as long as none of these changes.
    """

    def __init__(self):
        self.files = set()
        self.folders = set()
        self.variables = set()
        self.resolved = {}
        libraries = {os.path.dirname(os.__file__), sys.prefix, sys.base_prefix, "/proc", "/dev", "/sys", "/etc", "/usr"}
        self.elsewhere = tuple(sorted(os.path.realpath(one) + os.sep for one in libraries)) + (HERE,)

    def start(self):
        """Begin to notice."""
        sys.addaudithook(self.notice)
        self.notice_variables()
        self.notice_missing_files()

    def notice(self, event, arguments):
        """Python's own audit event of opening and listing."""
        if event == "open" and isinstance(arguments[0], str) and not re.search("[wax+]", arguments[1] or "r"):
            self.files.add(arguments[0])
        elif event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str):
            self.folders.add(arguments[0])

    def notice_variables(self):
        """No audit event tells of a variable: have `os.environ` tell."""
        environ = type(os.environ)
        usual = environ.__getitem__
        variables = self.variables

        def asked(mapping, key):
            variables.add(key)
            return usual(mapping, key)

        environ.__getitem__ = asked

    def notice_missing_files(self):
        """No audit event tells of a file that was looked for: have `os.stat` tell."""
        stat = os.stat
        files = self.files

        def looked_for(path, *rest, **keywords):
            try:
                return stat(path, *rest, **keywords)
            except (FileNotFoundError, NotADirectoryError):
                if isinstance(path, (str, os.PathLike)):
                    files.add(os.fspath(path))  # a settings file, say, that may be there the next time
                raise

        for capable in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if stat in capable:
                capable.add(looked_for)
        os.stat = looked_for

    def seen(self):
        """Everything seen so far that is the project's own, as absolute paths."""
        self.resolved.clear()
        files = {os.path.abspath(one) for one in list(self.files) if isinstance(one, str)}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str):
                files.add(os.path.abspath(file))
        return {
            "files": sorted({source_of(one) for one in files if self.is_own(one)}),
            # the listing of the library folders tells which versions are installed
            "folders": sorted({os.path.abspath(one) for one in self.folders if self.is_own(one)})
            + [one for one in sys.path if os.path.basename(one) in ("site-packages", "dist-packages")],
            "variables": sorted(one for one in self.variables if isinstance(one, str)),
        }

    def is_own(self, path):
        """Whether a path is the project's, and neither a library's nor ours."""
        path = self.real(path)
        if path.startswith(MEMORY):
            return "site-packages" not in path
        return not (path.startswith(self.elsewhere) or "site-packages" in path or path + os.sep == HERE)

    def real(self, path):
        """The path without links; that of a folder is looked for once, as most modules lie in a few."""
        folder, name = os.path.split(path)
        if folder not in self.resolved:
            self.resolved[folder] = os.path.realpath(folder)
        path = os.path.join(self.resolved[folder], name)
        return os.path.realpath(path) if os.path.islink(path) else path


def source_of(path):
    """The source of a compiled file: the import system opens the one and only looks at the time of the other."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return path


RECORDER = Recorder()


def do_dependencies(project, request):
    """What the answers so far depended on."""
    return RECORDER.seen()
