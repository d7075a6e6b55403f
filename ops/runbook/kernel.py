"""A kernel of this very interpreter, reached over sockets that nobody else can open."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.settings import redact, unwritable

_PREFIX = "ops-kernel-"
_LONGEST = 80  # a socket's path may have 107 bytes on Linux and 103 on macOS, its own name included
_STALE_SECONDS = 60


def environment(home: Path) -> dict[str, str]:
    """Return the variables that keep Jupyter, IPython and matplotlib out of the user's home directory.

    The folder for IPython is made, as it warns on every start where it is missing.

    Raises
    ------
    SettingsError
        Nothing can be written in the home folder.
    """
    base = home / ".ops" / "jupyter"
    try:
        (base / "ipython").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(home, error) from None
    return {
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_DATA_DIR": str(base / "data"),
        "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(base / "lab" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(base / "lab" / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(base / "ipython"),
        "MPLCONFIGDIR": str(base / "matplotlib"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "OPS_HOME": str(home),
    }


class Kernel:
    """One kernel process. It is started at once, so that it boots while papermill is being imported."""

    def __init__(self, env: Mapping[str, str], *, cwd: Path) -> None:
        self._folder = _private_folder()
        # Held until this process ends, however it ends; so a folder without a holder can be swept.
        self._lease = os.open(self._folder / "lease", os.O_WRONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._lease, fcntl.LOCK_EX)
        self._log = self._folder / "kernel.log"
        self.connection_file = self._folder / "kernel.json"
        ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        self.connection: dict[str, Any] = {
            **{name: number for number, name in enumerate(ports, start=1)},
            "ip": str(self._folder / "k"),
            "transport": "ipc",
            "key": secrets.token_hex(32),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
        }
        handle = os.open(self.connection_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.connection, file)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self.connection_file)]
        with open(self._log, "wb") as log:
            # A session of its own: Ctrl-C in a terminal reaches us alone, and we pass it on in our own way.
            # The kernel watches JPY_PARENT_PID and ends with us, however we end.
            self._process = subprocess.Popen(
                [*command, "--HistoryManager.hist_file=:memory:"],
                env={**env, "JPY_PARENT_PID": str(os.getpid())},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._manager: Any = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def manager(self) -> Any:
        """Return what papermill needs of a kernel manager; starting and stopping stays here."""
        if self._manager is None:
            from jupyter_client.manager import AsyncKernelManager

            kernel = self

            class Attached(AsyncKernelManager):
                """A manager of a kernel that somebody else started."""

                @property
                def has_kernel(self) -> bool:
                    return True

                async def _async_is_alive(self) -> bool:  # the name by which clients ask
                    return kernel.alive

                is_alive = _async_is_alive

            self._manager = Attached(connection_file=str(self.connection_file), owns_kernel=False)
            self._manager.load_connection_info(self.connection)
        return self._manager

    def interrupt(self) -> None:
        """Interrupt the running cell; nothing happens between cells."""
        if self.alive:
            os.kill(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and what it started itself, at once."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """Return the last line that the process wrote outside of any cell, without secrets."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return ""
        return redact(next((line.strip() for line in reversed(lines) if line.strip()), ""))[:300]

    def stop(self, *, seconds: float = 10) -> None:
        """Ask the kernel to end, wait, insist after `seconds`, and remove its sockets."""
        if self._manager is not None and self.alive:
            manager = self._manager
            # The control channel answers while a cell still runs; a signal could hit an exit handler.
            control = manager.connect_control(identity=manager.session.bsession)
            control.linger = 1000
            manager.session.send(control, manager.session.msg("shutdown_request", {"restart": False}))
            self._wait(seconds)
            control.close()
        elif self.alive:
            self._process.terminate()
            self._wait(seconds)
        self.kill()
        if self._manager is not None:
            self._manager.context.destroy(linger=0)
            self._manager = None
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lease)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = 0.005
        while self.alive and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)


def _private_folder() -> Path:
    """Return a new folder of mode 0700 whose path is short enough for sockets; sweep those of the dead."""
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > _LONGEST - 30:
        base = Path("/tmp")
    for other in base.glob(f"{_PREFIX}*"):
        _sweep(other)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))


def _sweep(folder: Path) -> None:
    try:
        status = folder.lstat()
        if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _STALE_SECONDS:
            return
        with open(folder / "lease", "rb") as lease:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # in use, or gone already
    shutil.rmtree(folder, ignore_errors=True)
