"""Ctrl-C for child processes of tests."""

import signal


def heed_interrupts():
    """Undo what a job in the background of a shell inherits: interrupts that are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
