"""The `moorage` command."""

import os
import sys
from collections.abc import Sequence

from moorage.cli.commands import build
from moorage.cli.exit_code import ExitCode
from moorage.cli.failure import CommandFailed
from moorage.cli.output import print_failure


def run(arguments: Sequence[str]) -> int:
    """Runs one command line to its end and returns an ExitCode; a refusal is told in words, not as a traceback."""
    try:
        build()(args=arguments, prog_name="moorage")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FAILED
    except CommandFailed as failure:
        print_failure(failure)
        return failure.code
    except Exception as error:  # the last line of defence: a bug is told as one, its traceback only to who asks
        if os.environ.get("MOORAGE_TRACEBACK"):
            raise
        kind = type(error).__name__
        print_failure(CommandFailed(f"This is a bug in Moorage: {kind}.", "Run it again with MOORAGE_TRACEBACK=1."))
        return ExitCode.FAILED
    return ExitCode.OK


def main() -> None:
    """Runs the command line of this process."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
