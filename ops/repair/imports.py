"""Case `import`: the project's own code cannot import something. Where was looked, where is it, and the usual fix."""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ops import display, status
from ops.errors import ImportFailedError, OpsError
from ops.project.failures import shorten
from ops.repair import act
from ops.repair.values import Finding
from ops.settings import TargetSettings

CASE = "import"
_UP, _DOWN = 2, 3
"""How many folders above the project's, and below those, a module is looked for."""

_NEVER = frozenset({"node_modules", "site-packages", "dist-packages", "__pycache__", "runs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Diagnosis:
    """Why an import fails. `folder` is where the module is; `patched` is the text of `env_py` that finds it."""

    why: str
    folder: Path | None = None
    env_py: Path | None = None
    patched: str = ""


def look(settings: TargetSettings, error: ImportFailedError) -> Finding:
    """Return what is found where the project's code cannot be loaded for want of an import."""
    found = _diagnosis(settings, error)
    last = error.frames[-1] if error.frames else None
    python = settings.project.python or sys.executable
    facts: list[tuple[str, object]] = [("module", display.Name(error.module or "not named by Python"))]
    if last is not None:
        facts += [("imported in", f"{shorten(last['path'])}, line {last['line']}"), ("by", last.get("text") or "")]
    facts.append(("Python", display.Name(python)))
    where = tuple((number, display.Name(_place(path))) for number, path in enumerate(error.sys_path))
    evidence = [
        display.Facts(tuple(facts)),
        display.Table(columns=("#", "sys.path, as the project's code saw it"), rows=where),
    ]
    finding = Finding(
        case=CASE,
        what=f"{error.problem} {found.why}",
        evidence=tuple(evidence),
        details={"module": error.module, "sys_path": list(error.sys_path), "folder": str(found.folder or "") or None},
    )
    if not found.patched or found.env_py is None:
        return finding
    patch = display.Code(text=_patch(found), language="diff", caption=f"The usual fix, in {shorten(str(found.env_py))}")
    offered = f"write this into {shorten(str(found.env_py))}: two imports and one line."
    return replace(finding, offered=offered, evidence=(*finding.evidence, patch))


def _place(path: str) -> str:
    """A folder of sys.path, as it is seen from where somebody works, if it is in there."""
    here = os.path.realpath(os.getcwd())
    there = os.path.realpath(path)
    if there == here:
        return "the working directory"
    return os.path.relpath(there, here) if there.startswith(here + os.sep) else path


def mend(settings: TargetSettings, error: ImportFailedError, finding: Finding) -> Finding:
    """Write the usual fix into env.py, and see that the project loads.

    Raises
    ------
    RefusedError
        There is no usual fix.
    OpsError
        env.py cannot be written, or the project still does not load: it is then as it was.
    """
    found = _diagnosis(settings, error)
    if not found.patched or found.env_py is None:
        raise act.refused(CASE, finding.what, "Do what the sentence before says, and look again.")
    before = found.env_py.read_bytes()
    try:
        found.env_py.write_bytes(found.patched.encode())
    except OSError as failed:
        raise OpsError(
            f"{shorten(str(found.env_py))} cannot be written: {failed.strerror}.",
            next_step="Write the patch yourself, or add the folder as sys_path to the target's section.",
        ) from None
    try:
        status.read(settings)
    except OpsError:
        found.env_py.write_bytes(before)
        raise
    return replace(finding, done=f"{shorten(str(found.env_py))} finds {error.module} now: the project loads.")


def _diagnosis(settings: TargetSettings, error: ImportFailedError) -> _Diagnosis:
    root = error.module.partition(".")[0]
    if not root.isidentifier():
        return _Diagnosis(why="Look at the line above.")
    folder = next(_holding(root, settings.project.config.parent), None)
    if folder is None:
        python = settings.project.python or sys.executable
        return _Diagnosis(
            why=f"No folder of the project holds {root}. Install it for {python}, or name the application's own "
            "interpreter as `python` in the target's section."
        )
    if any(os.path.realpath(one) == os.path.realpath(folder) for one in error.sys_path):
        return _Diagnosis(why=f"{root} itself is found, in {shorten(str(folder))}: see the line above.", folder=folder)
    why = f"{root} is in {shorten(str(folder))}, which is not on sys.path."
    env_py = next((Path(one["path"]) for one in error.frames if Path(one["path"]).name == "env.py"), None)
    if env_py is None:
        why += f" Add sys_path = {shorten(str(folder))} to the target's section, or prepend_sys_path to alembic.ini."
        return _Diagnosis(why=why, folder=folder)
    return _Diagnosis(why=why, folder=folder, env_py=env_py, patched=_patched(env_py, folder))


def _holding(root: str, project: Path) -> Iterator[Path]:
    """Folders that have a package or module of that name: the project's first, then outwards."""
    starts = [project, *list(project.resolve().parents)[:_UP]]
    for start in starts:
        if start == start.parent:
            return  # the whole machine is no project
        queue = [(start, 0)]
        while queue:
            folder, depth = queue.pop(0)
            if (folder / f"{root}.py").is_file() or _is_package(folder / root):
                yield folder
            if depth < _DOWN:
                queue += [(one, depth + 1) for one in _inside(folder)]


def _is_package(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.py"))


def _inside(folder: Path) -> list[Path]:
    try:
        found = sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())
    except OSError:
        return []
    return [
        one
        for one in found
        if not one.name.startswith(".") and one.name not in _NEVER and not (one / "pyvenv.cfg").exists()
    ]


def _patched(env_py: Path, folder: Path) -> str:
    """The text of env.py with the folder on its path; empty where it cannot be read as UTF-8 and Python."""
    try:
        text = env_py.read_bytes().decode()  # with the line ends that it has
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    at = 0
    for node in body:
        is_docstring = node is body[0] and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            at = node.end_lineno or 0
        else:
            break
    lines = text.splitlines(keepends=True)
    new = [
        "import sys\n",
        "from pathlib import Path\n",
        "\n",
        f"sys.path.insert(0, str({_relative(env_py, folder)}))\n",
    ]
    end = "\r\n" if "\r\n" in text else "\n"
    new = [line.replace("\n", end) for line in new]
    return "".join([*lines[:at], *([end] if at else []), *new, *([end] if not at else []), *lines[at:]])


def _relative(env_py: Path, folder: Path) -> str:
    way = Path(os.path.relpath(folder.resolve(), env_py.resolve().parent))
    if set(way.parts) == {".."}:
        return f"Path(__file__).resolve().parents[{len(way.parts)}]"
    if way == Path("."):
        return "Path(__file__).resolve().parent"
    return f"(Path(__file__).resolve().parent / {way.as_posix()!r}).resolve()"


def _patch(found: _Diagnosis) -> str:
    assert found.env_py is not None  # whoever asks has looked
    before = found.env_py.read_text(encoding="utf-8", errors="replace")
    name = shorten(str(found.env_py))
    lines = difflib.unified_diff(before.splitlines(), found.patched.splitlines(), name, name, lineterm="")
    return "\n".join(lines)
