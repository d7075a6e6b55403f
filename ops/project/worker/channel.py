"""The way between parent and worker: one JSON object a line, on descriptors that the project does not have."""

import json
import os
import threading

from .state import abort

SPEAKING = threading.Lock()


class Channel:
    """Both ends, once `take_over` was called."""

    def __init__(self):
        self.incoming = None
        self.outgoing = None


CHANNEL = Channel()


def take_over():
    """Keep standard input and output to ourselves: the project gets /dev/null to read and stderr to write.

    Returns the descriptor on which the parent's end shows.
    """
    control_out = os.dup(1)
    control_in = os.dup(0)
    os.set_inheritable(control_out, False)
    os.set_inheritable(control_in, False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    CHANNEL.outgoing = os.fdopen(control_out, "wb", buffering=0)
    CHANNEL.incoming = os.fdopen(control_in, "rb")
    return control_in


def hear():
    """The next message of the parent's; ends the process where there is no parent any more."""
    line = CHANNEL.incoming.readline()
    if not line:
        os._exit(70)
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        no_message()
    return message


def no_message():
    """End the process: whoever says such a thing is not the parent that we know."""
    os.write(2, b"What came from the parent is no message.\n")
    os._exit(71)


def emit(event, **fields):
    """Tell the parent something."""
    fields["event"] = event
    line = json.dumps(fields, default=str).encode("ascii") + b"\n"
    with SPEAKING:
        while line:  # a signal may cut a long one in two
            line = line[CHANNEL.outgoing.write(line) :]


def ask(event, **fields):
    """Emit an event and wait for the answer; a stop ends the run."""
    emit(event, **fields)
    return answer_of_the_parent()


def answer_of_the_parent():
    """Wait for the answer to an event that asks; a stop ends the run."""
    answer = hear()
    if "stop" in answer:
        abort("cancelled", answer["stop"])
    return answer
