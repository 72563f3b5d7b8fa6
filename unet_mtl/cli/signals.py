"""Signals that end a command as Ctrl-C does, so that temporary files are removed and the last message is printed."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGTERM", "SIGHUP")
"""What schedulers and closed terminals send; Windows has no SIGHUP."""


class Terminated(KeyboardInterrupt):
    """A signal other than that of Ctrl-C has asked the command to end.

    Args:
        number: The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(interruption: KeyboardInterrupt) -> int:
    """Return 128 plus the number of the signal, as shells do: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (interruption.number if isinstance(interruption, Terminated) else signal.SIGINT)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise Terminated in the block when one of `SIGNALS` arrives; further ones do not disturb its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a forked worker, which is ended by its pool
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        signal.signal(number, signal.SIG_IGN)
        raise Terminated(number)

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    # nohup has a process ignore SIGHUP, which stays so.
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
