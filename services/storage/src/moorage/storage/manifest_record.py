"""A manifest as it is recorded: its bytes, and what is looked up by. Pure."""

from dataclasses import dataclass

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import Actor, ManifestPush, PushedManifest
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import DigestInvalid
from moorage.oci.manifest import Manifest, parse
from moorage.oci.reference import Tag
from moorage.storage.references import References


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """One push of a manifest: everything that its transaction writes. See Actor for `token` and `token_is_local`."""

    digest: Digest
    manifest: Manifest
    body: bytes
    references: References
    tags: tuple[Tag, ...]
    principal: str
    token: ConsistencyToken
    token_is_local: bool

    @classmethod
    def of(cls, push: ManifestPush, actor: Actor) -> "ManifestRecord":
        """Reads and checks a push by itself. Raises what `parse` raises, and DigestInvalid."""
        manifest = parse(push.body, push.content_type or None)
        return cls(
            digest=_digest(push),
            manifest=manifest,
            body=push.body,
            references=References.of(manifest),
            tags=_tags(push),
            principal=actor.principal,
            token=ConsistencyToken.parse(actor.token),
            token_is_local=actor.token_is_local,
        )

    @property
    def subject(self) -> Digest | None:
        """The digest of the manifest this one refers to."""
        return self.manifest.subject.digest if self.manifest.subject else None

    @property
    def as_referrer(self) -> Descriptor:
        """How the list of its subject's referrers shows it (distribution-spec, "Listing referrers")."""
        config = self.manifest.config
        return Descriptor(
            media_type=self.manifest.media_type,
            digest=self.digest,
            size=len(self.body),
            annotations=self.manifest.annotations,
            artifact_type=self.manifest.artifact_type or (config.media_type if config else None),
        )

    @property
    def pushed(self) -> PushedManifest:
        """The answer to the push."""
        return PushedManifest(self.digest, self.subject, self.tags)


def _digest(push: ManifestPush) -> Digest:
    if isinstance(push.reference, Tag):
        return Digest.of(push.body)
    computed = Digest.of(push.body, push.reference.algorithm)
    if computed != push.reference:
        raise DigestInvalid(f"the manifest has the digest {computed}, not the one in the path")
    return computed


def _tags(push: ManifestPush) -> tuple[Tag, ...]:
    named = (push.reference, *push.tags) if isinstance(push.reference, Tag) else push.tags
    return tuple(dict.fromkeys(named))
