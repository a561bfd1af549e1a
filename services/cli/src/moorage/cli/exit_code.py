"""What the exit code of the `moorage` command says; scripts may rely on it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One number per kind of ending."""

    OK = 0
    """Done."""
    FAILED = 1
    """Refused by the registry, or failed on the way; the message says why and what to do."""
    USAGE = 2
    """The command line, or a file it names, is not valid; nothing was sent."""
    UNREACHABLE = 3
    """The registry can't be reached or can't answer right now; trying again may help."""
    DENIED = 4
    """`moorage check` was answered, and the answer is no."""
