"""Records as the wire shows them."""

from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.publisher_body import PublisherBody
from moorage.permissions.records import Credential, Image, Workspace


def image_body(image: Image, token: ConsistencyToken | None = None) -> wire.ImageBody:
    """An image record; `name` is the whole name, with the workspace."""
    record = image.record
    return wire.ImageBody(
        id=record.id,
        name=f"{image.workspace_slug}/{record.name}",
        workspace=image.workspace_slug,
        workspace_id=record.workspace,
        repository=record.repository,
        repository_slug=image.repository.slug or "",
        visibility=record.visibility,
        push_policy=record.push_policy,
        state=record.state,
        link_gen=record.link_gen,
        acl_seq=record.acl_seq,
        created_at=image.created_at,
        publishers=list(map(PublisherBody.of, record.publishers)),
        consumer_repositories=sorted(record.consumer_repositories),
        admin_override=record.admin_override,
        deleted_at=image.deletion.at if image.deletion else None,
        restorable_until=image.deletion.undo_until if image.deletion else None,
        token=str(token) if token else None,
    )


def token_body(credential: Credential) -> wire.TokenBody:
    """A personal token. Raises ValueError for a credential that belongs to no user."""
    if credential.user is None:
        raise ValueError("only a user's credential is a personal token")
    return wire.TokenBody(
        id=credential.id,
        name=credential.name,
        user=credential.user,
        account=credential.account,
        scopes=credential.scopes,
        created_at=credential.created_at,
        expires=credential.expires,
        revoked=not credential.active,
    )


def identity_of(credential: Credential) -> Identity:
    """Who shows this credential, and what it may be used for at most."""
    who = credential.user if credential.kind is PrincipalKind.USER else credential.id
    return Identity(
        Principal(credential.kind, who),
        credential.id,
        credential.scopes,
        credential.bound,
        credential.granted_role,
        credential.expires,
    )


def workspace_body(workspace: Workspace, token: ConsistencyToken) -> wire.WorkspaceBody:
    """A workspace and its settings."""
    return wire.WorkspaceBody(
        id=workspace.id,
        slug=workspace.slug,
        allow_public=workspace.allow_public,
        default_push_policy=workspace.publishing.policy,
        default_publishers=list(map(PublisherBody.of, workspace.publishing.publishers)),
        pipeline_create=workspace.publishing.pipeline_create,
        token=str(token),
    )
