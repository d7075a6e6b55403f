"""Where a browser finds the files of a run: through the Jupyter server that this kernel belongs to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.display import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Jupyter server: the folder that it shows, and what its addresses begin with (`/`, or `/user/mai/`)."""

    root: Path
    base: str = "/"

    @classmethod
    def of_this_kernel(cls) -> Server | None:
        """Return the server that started this kernel, as it describes itself to its user; None where there is none."""
        from jupyter_core.paths import jupyter_runtime_dir

        file = Path(jupyter_runtime_dir()) / f"jpserver-{os.environ.get('JPY_PARENT_PID', '')}.json"
        try:
            about = json.loads(file.read_bytes())  # it holds the server's token as well: nothing else is kept of it
            return cls(root=Path(about["root_dir"]).resolve(), base=str(about["base_url"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def notebook(self, file: Path, text: str) -> Link | None:
        """Return a link that opens a notebook; None where the server does not show its folder, or it is not there."""
        path = self._path(file)
        return Link(text, f"{self.base}lab/tree/{quote(path)}", path) if path else None

    def page(self, file: Path, text: str) -> Link | None:
        """Return a link that opens an HTML file in a page of its own."""
        path = self._path(file)
        return Link(text, f"{self.base}files/{quote(path)}") if path else None

    def _path(self, file: Path) -> str:
        found = file.resolve()
        return found.relative_to(self.root).as_posix() if found.is_relative_to(self.root) and found.is_file() else ""
