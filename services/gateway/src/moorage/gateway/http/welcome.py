"""`GET /`: where a person is who opened the registry in a browser or with curl."""

from aiohttp import web


def add_welcome(app: web.Application, public_url: str) -> None:
    """Serves a few lines of text."""
    host = public_url.partition("://")[2]
    text = (
        "This is Moorage, a registry for OCI and Docker images whose permissions come from source repositories.\n\n"
        f"  docker login {host}            with any user name and a personal token as the password\n"
        f"  docker pull {host}/<workspace>/<image>\n\n"
        f"  {public_url}/api/v1/images?workspace=<workspace>    the images that you may pull\n"
    )

    async def welcome(_request: web.Request) -> web.Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
        return web.Response(text=text, headers=headers)

    app.router.add_get("/", welcome)
