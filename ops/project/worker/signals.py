"""What ends the worker, and what must not."""

import os
import select
import signal
import threading

from .channel import emit

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def watch_from_a_thread(control):
    """Begin to watch the parent's end of the channel, and signals."""
    threading.Thread(target=watch, args=(control, heed()), daemon=True).start()


def heed():
    """Have signals written to a pipe, which is returned: a handler waits until a statement has ended."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in HEEDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    return heard


def watch(control, signals):
    """End this process when the parent has gone, and tell it of signals, also while a statement runs.

    When the parent has gone, nobody can say "go" any more, and the server notices by itself that we have gone
    (client_connection_check_interval), so that a long statement does not outlive us. A signal must not end us: the
    server would go on. The parent cancels there what runs, and ends us itself.
    """
    poll = select.poll()
    poll.register(control, 0)  # only the hang-up, which cannot be masked; the data is the main thread's
    poll.register(signals, select.POLLIN)
    while True:
        ready = [one for one, _ in poll.poll()]
        if control in ready:
            os._exit(70)
        for number in os.read(signals, 100):
            if number in HEEDED:
                emit("signal", name=signal.Signals(number).name)
