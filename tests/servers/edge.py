"""A real nginx with the edge's own template, filled in as the official image does it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final

from servers.availability import require
from servers.places import REPOSITORY
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import answers

TEMPLATE: Final = REPOSITORY / "deploy/edge/moorage.conf.template"

_MAIN: Final = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/moorage.conf;
}}
"""


def filled(variables: Mapping[str, str]) -> str:
    """The template with its variables; nginx's own stay as they are, as `envsubst` of the image leaves them."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).safe_substitute(variables)


class Edge:
    """nginx in front of one gateway and one storage."""

    def __init__(self, folder: Path, gateway: int, admission: int, storage: int, port: int | None = None) -> None:
        """Ports on loopback of the gateway (public and internal) and of storage."""
        self._folder = folder
        self.port = port or free_port()
        self._variables = {
            "MOORAGE_EDGE_LISTEN": f"127.0.0.1:{self.port}",
            "MOORAGE_EDGE_GATEWAY": f"127.0.0.1:{gateway}",
            "MOORAGE_EDGE_ADMISSION": f"127.0.0.1:{admission}",
            "MOORAGE_EDGE_STORAGE": f"127.0.0.1:{storage}",
        }
        self.process: ServerProcess | None = None

    async def start(self) -> None:
        """Returns when it answers."""
        program = require("nginx")
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "moorage.conf").write_text(filled(self._variables), encoding="utf-8")
        main = self._folder / "nginx.conf"
        main.write_text(_MAIN.format(folder=self._folder), encoding="utf-8")
        command = [str(program), "-c", str(main), "-e", "stderr"]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        self.process = ServerProcess(command, log=self._folder / "nginx.log", environment=environment)
        await answers(f"http://127.0.0.1:{self.port}/v2/", self.process)

    async def stop(self) -> None:
        """SIGTERM."""
        if self.process:
            await self.process.stop()

    def log(self) -> str:
        """What it complained of."""
        return (self._folder / "nginx.log").read_text(encoding="utf-8")

    def requests(self) -> Sequence[str]:
        """Its access log."""
        return (self._folder / "access.log").read_text(encoding="utf-8").splitlines()
