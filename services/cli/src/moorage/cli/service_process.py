"""Runs one service in this process: settings from the environment, logs, signals, and failures in words."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from moorage.cli.exit_code import ExitCode
from moorage.cli.failure import CommandFailed, Unreachable, UsageInvalid
from moorage.oci.errors import RegistryError
from moorage.runtime.lifecycle import CannotStart, Stop, run
from moorage.runtime.logging import configure
from moorage.runtime.postgres import DatabaseRefused, DatabaseUnavailable, InvalidDatabaseAddress

ServiceSettings = TypeVar("ServiceSettings", bound=BaseSettings)


def settings_of(model: type[ServiceSettings]) -> ServiceSettings:
    """The settings in the environment. Raises UsageInvalid, which names variables and never repeats a value (R146)."""
    try:
        return model()
    except ValidationError as error:
        faults = [
            f"{variable(model, str(entry['loc'][0]))}: {entry['msg']}" for entry in error.errors() if entry["loc"]
        ]
        raise UsageInvalid(
            f"The environment is not valid: {'; '.join(faults) or 'see the documentation'}.",
            "Set these variables; `settings` behind the service's name lists all of them.",
        ) from None


def variable(model: type[BaseSettings], field: str) -> str:
    """The environment variable that sets a field."""
    return f"{model.model_config.get('env_prefix', '')}{field}".upper()


def serve(
    name: str,
    model: type[ServiceSettings],
    service: Callable[[ServiceSettings, Stop], Coroutine[Any, Any, None]],
    log_level: str,
) -> int:
    """Runs the service until it is told to stop; the exit status. Raises a CommandFailed."""
    settings = settings_of(model)

    async def work(stop: Stop) -> None:
        await service(settings, stop)

    return told_in_words(lambda: run(work), logged_as=name, log_level=log_level)


Result = TypeVar("Result")


def told_in_words(work: Callable[[], Result], *, logged_as: str = "moorage", log_level: str = "info") -> Result:
    """What `work` returns; its log goes to stderr. Raises a CommandFailed for whatever a database may refuse."""
    configure(logged_as, level=log_level.upper())
    try:
        return work()
    except InvalidDatabaseAddress as error:
        raise UsageInvalid(f"{error}.".capitalize(), "Write it as postgresql://USER:PASSWORD@HOST/DATABASE.") from None
    except DatabaseRefused as error:
        raise CommandFailed(f"PostgreSQL refuses the login: {error}.", "Check user, password and database.") from None
    except DatabaseUnavailable as error:
        raise Unreachable(f"PostgreSQL cannot be reached: {error}.", "Check that it runs, and its address.") from None
    except CannotStart as error:
        raise CommandFailed(f"{error}.", "Mend that and start again; nothing was changed.") from None
    except RegistryError as error:
        raise CommandFailed(f"{error.message}.", "Check the data folder.") from None
    except OSError as error:
        raise CommandFailed(f"{error.strerror or error}.", "Check addresses, ports and folders.") from None


def exit_code(status: int) -> ExitCode:
    """0 stays 0; everything else is a failure."""
    return ExitCode.FAILED if status else ExitCode.OK
