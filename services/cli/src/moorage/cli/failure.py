"""How a command ends when it can't do what was asked: one sentence what, one what to do, an exit code."""

from moorage.cli.exit_code import ExitCode


class CommandFailed(Exception):
    """The end of a command. `what` happened, `remedy` says what the person may do about it."""

    code = ExitCode.FAILED

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


class UsageInvalid(CommandFailed):
    """What was typed, or a file that it names, is not valid. Nothing was sent."""

    code = ExitCode.USAGE


class Unreachable(CommandFailed):
    """The registry can't be reached, or says that it can't answer right now."""

    code = ExitCode.UNREACHABLE
