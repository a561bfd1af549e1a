"""Storage of a standalone registry."""

from pathlib import Path

from pydantic import SecretStr

from moorage.storage.settings import Driver, StorageSettings


def storage_of(dsn: SecretStr, blobs: Path, connections: int | None = None) -> StorageSettings:
    """Its settings: blobs lie in the data folder, whatever the environment says of S3."""
    settings = StorageSettings(database_url=dsn, driver=Driver.FILESYSTEM, s3_bucket=None, data_folder=blobs)
    return settings.model_copy(update={"database_connections": connections}) if connections else settings
