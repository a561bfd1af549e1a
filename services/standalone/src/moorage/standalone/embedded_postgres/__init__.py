"""A PostgreSQL server of our own for standalone installations and tests: found, initialised, watched and stopped."""

from moorage.standalone.embedded_postgres.errors import (
    DataFolderInUse,
    DataFolderOfAnotherVersion,
    EmbeddedPostgresError,
    InitializationFailed,
    PasswordMissing,
    ProgramsMissing,
    RootRefused,
    ServerDidNotStart,
    ServerDidNotStop,
    UnsupportedPrograms,
)
from moorage.standalone.embedded_postgres.supervisor import EmbeddedPostgres, dsn_of_another

__all__ = [
    "DataFolderInUse",
    "DataFolderOfAnotherVersion",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "InitializationFailed",
    "PasswordMissing",
    "ProgramsMissing",
    "RootRefused",
    "ServerDidNotStart",
    "ServerDidNotStop",
    "UnsupportedPrograms",
    "dsn_of_another",
]
