"""What gateways ask for where nothing is changed: the catalogue of all workspaces, and the settings of one."""

from pydantic import Field

from moorage.access.wire import IdentityBody, Request


class ListCatalogRequest(Request):
    """The records that `identity` may pull, by workspace and name, after `cursor`: "<workspace>/<image>"."""

    identity: IdentityBody
    cursor: str | None = Field(default=None, max_length=512, pattern=r"^[ -~]*$")
    limit: int = Field(default=100, ge=1, le=1000)


class FindWorkspaceRequest(Request):
    """Our settings of a workspace; its owners and the operator may see them."""

    identity: IdentityBody
    workspace: str
