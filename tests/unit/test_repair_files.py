"""Files that a repair writes: what somebody wrote stays, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.repair import edited, imports

# fmt: off
ENV_PY = {  # what env.py holds                      what it begins with then; None where it is left alone
    "plain text":             (b"import app\n",       b"import sys\nfrom pathlib import Path\n"),
    "line ends of Windows":   (b"import app\r\n",     b"import sys\r\nfrom pathlib import Path\r\n"),
    "a name in UTF-8":        ("# Jürg\n".encode(),   b"import sys\nfrom pathlib import Path\n"),
    "a name in Latin-1":      (b"# coding: latin-1\n# J\xfcrg\n", None),
    "no Python":              (b"import (\n",         None),
}
# fmt: on


@pytest.mark.parametrize(("content", "begins"), ENV_PY.values(), ids=ENV_PY)
def test_the_usual_fix_of_an_import_changes_nothing_else(tmp_path: Path, content: bytes, begins: bytes | None) -> None:
    env_py = tmp_path / "env.py"
    env_py.write_bytes(content)

    patched = imports._patched(env_py, tmp_path).encode()

    if begins is None:
        assert patched == b""
        return
    assert patched.startswith(begins) and patched.endswith(content)
    assert patched.count(b"\n") - patched.count(b"\r\n") in (0, patched.count(b"\n"))


def test_an_edited_text_that_was_kept_before_stays(tmp_path: Path) -> None:
    wanted = tmp_path / "a1.py.edited"
    assert edited._free(wanted) == wanted

    wanted.touch()
    (tmp_path / "a1.py.edited.2").touch()
    assert edited._free(wanted) == tmp_path / "a1.py.edited.3"
