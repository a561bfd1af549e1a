"""`python -m bench.floor.application PORT`: a bare aiohttp application whose router answers 1 KiB."""

import asyncio
import sys
from typing import Final

import uvloop
from aiohttp import web

from bench.content import MANIFEST, digest_of

_BODY: Final = b"x" * 1024
_HEADERS: Final = {
    "Content-Type": MANIFEST,
    "Docker-Content-Digest": digest_of(_BODY),
    "Docker-Distribution-Api-Version": "registry/2.0",
    "ETag": f'"{digest_of(_BODY)}"',
}


async def _manifest(_: web.Request) -> web.Response:
    return web.Response(body=_BODY, headers=_HEADERS)


async def _serve(port: int) -> None:
    application = web.Application()
    application.router.add_get("/v2/", _manifest)
    application.router.add_get("/v2/{name:.+}/manifests/{reference}", _manifest)
    runner = web.AppRunner(application, access_log=None, handle_signals=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
