"""`/v2/<name>/referrers/<digest>`: what points at a manifest, as an index, in pages (end-12, R34)."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import headers as names
from moorage.distribution import paths
from moorage.distribution.server import answers, links, query
from moorage.distribution.server.registry import Methods, Registry
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.media_types import ManifestType


async def get(registry: Registry, request: web.Request, place: paths.Referrers) -> web.StreamResponse:
    """One page, empty if nothing points at the digest, also where the image holds nothing at all."""
    wanted = query.printable(request, "artifactType")
    last = query.digest(request, "last")
    admission = await registry.gate.admit(request, place.name, Action.PULL)
    found = await registry.content.referrers(admission.image, place.subject)
    await registry.gate.settle(request, admission, found.token)
    matching = [each for each in found.descriptors if wanted is None or each.artifact_type == wanted]
    rest = _after(matching, last)
    page = _fitting(rest, registry.limits.max_referrers_bytes)
    headers = {} if wanted is None else {names.FILTERS_APPLIED: "artifactType"}
    if len(page) < len(rest):
        here = paths.Referrers(admission.name, place.subject)
        headers |= links.next_page(here, artifactType=wanted, last=str(rest[len(page) - 1].digest))
    return answers.raw(_index(page), ManifestType.OCI_INDEX.value, headers, {names.AUTHZ_TOKEN: found.token})


def _after(found: Sequence[Descriptor], last: Digest | None) -> Sequence[Descriptor]:
    """What follows `last`; all of it if that is gone meanwhile: rather twice than not at all."""
    position = next((at for at, each in enumerate(found) if each.digest == last), -1)
    return found[position + 1 :]


def _fitting(found: Iterable[Descriptor], max_bytes: int) -> list[bytes]:
    """The first descriptors, as JSON, that fit into one answer; at least one."""
    page: list[bytes] = []
    size = len(_index([]))
    for descriptor in found:
        encoded = _encoded(descriptor)
        size += len(encoded) + 1
        if page and size > max_bytes:
            break
        page.append(encoded)
    return page


def _index(manifests: Sequence[bytes]) -> bytes:
    head = f'{{"schemaVersion":2,"mediaType":"{ManifestType.OCI_INDEX}","manifests":['
    return head.encode() + b",".join(manifests) + b"]}"


def _encoded(descriptor: Descriptor) -> bytes:
    optional = {
        "artifactType": descriptor.artifact_type,
        "annotations": dict(descriptor.annotations),
        "urls": list(descriptor.urls),
    }
    document = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        **{name: value for name, value in optional.items() if value},
    }
    return json.dumps(document, separators=(",", ":")).encode()


METHODS: Final[Methods[paths.Referrers]] = {"GET": get, "HEAD": get}
