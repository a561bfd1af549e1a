"""`/v2/<name>/tags/list`: the tags by code point, in pages (end-8, R37 to R40)."""

from typing import Final

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import headers as names
from moorage.distribution import paths
from moorage.distribution.content import TagPage
from moorage.distribution.server import answers, links, query
from moorage.distribution.server.registry import Methods, Registry


async def get(registry: Registry, request: web.Request, place: paths.Tags) -> web.StreamResponse:
    """One page; `n=0` is an empty one without a link."""
    n = query.page_size(request, registry.limits.page_size, registry.limits.max_page_size)
    last = query.printable(request, "last") or ""
    admission = await registry.gate.admit(request, place.name, Action.PULL)
    page = await registry.content.tags(admission.image, n, last) if n else TagPage((), more=False)
    await registry.gate.settle(request, admission, page.token)
    tags = [str(tag) for tag in page.tags]
    headers = links.next_page(paths.Tags(admission.name), n=str(n), last=tags[-1]) if page.more and tags else {}
    return answers.document({"name": admission.name, "tags": tags}, headers, {names.AUTHZ_TOKEN: page.token})


METHODS: Final[Methods[paths.Tags]] = {"GET": get, "HEAD": get}
