"""What gateways ask for a catalogue of all workspaces."""

from pydantic import Field

from moorage.access.wire import IdentityBody, Request


class ListCatalogRequest(Request):
    """The records that `identity` may pull, by workspace and name, after `cursor`: "<workspace>/<image>"."""

    identity: IdentityBody
    cursor: str | None = Field(default=None, max_length=512, pattern=r"^[ -~]*$")
    limit: int = Field(default=100, ge=1, le=1000)
