"""A real S3 store on loopback: SeaweedFS as one process, its data in a folder."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
from pydantic import SecretStr

from moorage.storage.drivers.s3.client import Place, opened
from servers.ports import free_port
from servers.process import ServerProcess

ACCESS_KEY: Final = "moorage"
SECRET_KEY: Final = "moorage-secret"
BUCKET: Final = "moorage"
READY_SECONDS: Final = 30.0


class SeaweedStore:
    """Start it again and it goes on with what it had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: _port() for name in ("master", "volume", "filer", "s3", "admin")}
        self._process: ServerProcess | None = None
        (folder / "data").mkdir(parents=True, exist_ok=True)

    @property
    def port(self) -> int:
        """Where it speaks S3."""
        return self._ports["s3"]

    @property
    def process(self) -> ServerProcess:
        """The running server."""
        assert self._process
        return self._process

    async def start(self) -> None:
        """Returns when it answers. Every port it takes is on loopback."""
        command = [str(Path(sys.executable).with_name("weed")), "mini", f"-dir={self._folder / 'data'}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += ["-webdav=false", "-admin.ui=false", *(f"-{name}.port={n}" for name, n in self._ports.items())]
        environment = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "GOMEMLIMIT": "200MiB",
            "GOGC": "50",
            "HOME": str(self._folder),
        }
        self._process = ServerProcess(command, log=self._folder / "weed.log", environment=environment)
        await self._answers()

    async def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody says goodbye."""
        if self._process:
            await self._process.kill()

    def place(self, port: int | None = None, **others: Any) -> Place:
        """A place of its own for a test, perhaps through a proxy on another port."""
        endpoint = f"http://127.0.0.1:{port or self.port}"
        usual = {"prefix": f"{uuid4().hex[:12]}/", "access_key": ACCESS_KEY, "secret_key": SecretStr(SECRET_KEY)}
        return Place(BUCKET, endpoint=endpoint, path_style=True, **{**usual, **others})

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What tells storage to keep blobs in a place of its own here."""
        settings = {
            "DRIVER": "s3",
            "S3_BUCKET": BUCKET,
            "S3_PREFIX": f"{uuid4().hex[:12]}/",
            "S3_ENDPOINT": f"http://127.0.0.1:{port or self.port}",
            "S3_PATH_STYLE": "true",
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }
        return {f"MOORAGE_STORAGE_{name}": value for name, value in settings.items()}

    async def make_bucket(self) -> None:
        """The bucket that tests share, each with a prefix of its own."""
        async with opened(self.place()) as client:
            await client.create_bucket(Bucket=BUCKET)

    async def _answers(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline and self.process.exit_code() is None:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/") as answer:
                        if answer.status == 403:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        raise RuntimeError(f"SeaweedFS does not answer; its log ends with:\n{self.process.log_tail()}")


def _port() -> int:
    """One whose twin 10,000 above, which SeaweedFS takes too, is not where the kernel takes outgoing ports from."""
    while (port := free_port()) + 10_000 >= 32_768:
        continue
    return port
