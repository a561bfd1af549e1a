"""What storage keeps in the data folder of a standalone registry, for commands of an operator."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from moorage.standalone.app import told
from moorage.standalone.data_folder import DataFolder
from moorage.standalone.embedded_postgres import EmbeddedPostgres, dsn_of_another
from moorage.standalone.errors import DataFolderTaken, DataFolderWithoutDatabase
from moorage.standalone.storage_of import storage_of
from moorage.storage.settings import StorageSettings


@asynccontextmanager
async def storage_settings(data: Path) -> AsyncIterator[StorageSettings]:
    """The settings of storage in the data folder, whose PostgreSQL server runs meanwhile. Raises StartRefused.

    While a registry runs there the server is its own; else it is started as a registry does, and none can start before
    the end.
    """
    folder = _folder(data)
    async with AsyncExitStack() as stack:
        with told():
            dsn = await _dsn(folder, stack)
        yield storage_of(SecretStr(dsn), folder.blobs)


def _folder(data: Path) -> DataFolder:
    folder = DataFolder(data.absolute())
    if folder.elsewhere.exists() or not folder.database.is_dir():
        raise DataFolderWithoutDatabase(folder.root)
    return folder


async def _dsn(folder: DataFolder, stack: AsyncExitStack) -> str:
    try:
        stack.enter_context(folder.held())
    except DataFolderTaken:
        return dsn_of_another(folder.postgres)
    return (await stack.enter_async_context(await EmbeddedPostgres.open(folder.postgres))).dsn
