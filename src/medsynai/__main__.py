"""`python -m medsynai` is the same as the command `medsynai`, and both begin here."""

import os
import signal

INTERRUPTED = 130


def _leave(number: int, frame: object) -> None:
    """End at once and in words: nothing has begun that could be left half done."""
    os.write(2, b"Error: interrupted; nothing was left behind\n")
    os._exit(INTERRUPTED)


def main() -> None:
    """The command; Ctrl-C while its modules load ends it without a traceback."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # a background job may have been told to ignore it
        signal.signal(signal.SIGINT, _leave)
    from medsynai.cli import main as command

    signal.signal(signal.SIGINT, usual)
    command()


if __name__ == "__main__":
    main()
