"""`moorage image …`: image records, their link, visibility and push policy."""

from typing import Annotated

import typer

from moorage.access.image import PushPolicy, Visibility
from moorage.access.wire import ImageBody
from moorage.cli.arguments import Image, image_name
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions
from moorage.cli.management_api import ManagementApi
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.session import managing

Repository = Annotated[str, typer.Option("--repository", help="Slug or UUID of a repository in the workspace.")]
VisibilityChoice = Annotated[
    Visibility | None, typer.Option("--visibility", help="Who may pull beside the repository's readers.")
]
PushPolicyChoice = Annotated[
    PushPolicy | None, typer.Option("--push-policy", help="Who may push among those with WRITE.")
]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Images: create, show, change, link, delete.")
    for command in (create, show, set_, relink, delete):
        group.command(command.__name__.rstrip("_"))(command)
    group.command("list")(list_)
    app.add_typer(group, name="image")


def create(
    image: Image,
    repository: Repository,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Create an image, linked to a repository; needs ADMIN on the repository.

    From then on everybody with WRITE on the repository may push to it, and everybody with READ may pull.

    \b
    moorage image create acme/hello/tool --repository hello --as alice
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    record = managing(login, lambda api: api.create_image(name, repository))
    _show(record, as_json, f"Created {record.name}, linked to repository {record.repository_slug}.")


def list_(
    workspace: Annotated[str, typer.Argument(help="Slug of the workspace.")],
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the images of a workspace that you may pull.

    \b
    moorage image list acme --as carol
    moorage image list acme --as carol --json | python3 -m json.tool
    """
    login = LoginOptions(server, user, credentials, token_file).login()

    async def collect(api: ManagementApi) -> list[ImageBody]:
        return [record async for record in api.images(workspace)]

    records = managing(login, collect)
    if as_json:
        print_json([record.model_dump(mode="json", exclude_none=True) for record in records])
    elif records:
        print_table(
            ("IMAGE", "REPOSITORY", "VISIBILITY", "PUSH POLICY", "STATE"),
            [(r.name, r.repository_slug, r.visibility, r.push_policy, r.state) for r in records],
        )
    else:
        print_text(f"Workspace {workspace} has no image that you may pull.")


def show(
    image: Image,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show one image record: its link, visibility and push policy."""
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login()
    record = managing(login, lambda api: api.image(name))
    if as_json:
        print_json(record)
    else:
        print_table(("FIELD", "VALUE"), [(field, str(value)) for field, value in _fields(record)])


def set_(
    image: Image,
    visibility: VisibilityChoice = None,
    push_policy: PushPolicyChoice = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Set who may pull or push an image; needs ADMIN on its repository.

    \b
    moorage image set acme/hello/tool --visibility workspace --as alice
    moorage image set acme/hello/tool --push-policy admins_only --as alice
    """
    if visibility is None and push_policy is None:
        raise UsageInvalid("Nothing to set was given.", "Add --visibility or --push-policy; --help shows examples.")
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()

    async def change(api: ManagementApi) -> ImageBody:
        record = await api.image(name)
        if visibility is not None:
            record = await api.set_image(record.id, "visibility", visibility=visibility.value)
        if push_policy is not None:
            record = await api.set_image(record.id, "push-policy", push_policy=push_policy.value)
        return record

    record = managing(login, change)
    _show(record, as_json, f"{record.name}: visibility {record.visibility}, push policy {record.push_policy}.")


def relink(
    image: Image,
    repository: Repository,
    visibility: VisibilityChoice = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Link an image to another repository of its workspace; needs ADMIN on both.

    Its visibility becomes `inherit` again unless you repeat it, and uploads in progress end.

    \b
    moorage image relink acme/hello/tool --repository ledger --as alice
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    members = {"repository": repository} | ({"visibility": visibility.value} if visibility else {})

    async def change(api: ManagementApi) -> ImageBody:
        return await api.set_image((await api.image(name)).id, "repository", **members)

    record = managing(login, change)
    _show(record, as_json, f"{record.name} is now linked to repository {record.repository_slug}.")


def delete(
    image: Image,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Delete an image with all its tags; needs ADMIN on its repository.

    It asks for the name again, because clients can't pull it from then on.
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    if not yes and typer.prompt(f"This deletes every tag of {name}. Type its name to go on", err=True) != str(name):
        raise UsageInvalid("The name that was typed is another one.", "Nothing was deleted; try again.")

    async def remove(api: ManagementApi) -> ImageBody:
        record = await api.image(name)
        await api.delete_image(record.id)
        return record

    record = managing(login, remove)
    _show(record, as_json, f"Deleted {record.name}.")


def _show(record: ImageBody, as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(record)
    else:
        print_text(sentence)


def _fields(record: ImageBody) -> list[tuple[str, object]]:
    return [
        ("name", record.name),
        ("id", record.id),
        ("repository", f"{record.repository_slug} ({record.repository})"),
        ("visibility", record.visibility),
        ("push policy", record.push_policy),
        ("state", record.state),
        ("link generation", record.link_gen),
        ("created", record.created_at.isoformat(timespec="seconds")),
    ]
