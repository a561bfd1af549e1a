"""`moorage image …`: image records, their link, visibility and push policy."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from moorage.access.image import PushPolicy, Visibility
from moorage.cli.arguments import Image, image_name
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile, Wait
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.publishers import HELP, publishers, spelt, written
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.wire import ImageBody
    from moorage.cli.management_api import ManagementApi

Repository = Annotated[str, typer.Option("--repository", help="Slug or UUID of a repository in the workspace.")]
VisibilityChoice = Annotated[
    Visibility | None, typer.Option("--visibility", help="Who may pull beside the repository's readers.")
]
PushPolicyChoice = Annotated[
    PushPolicy | None, typer.Option("--push-policy", help="Who may push among those with WRITE.")
]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Images: create, show, change, link, delete, restore.")
    for command in (create, show, set_, relink, delete, restore):
        group.command(command.__name__.rstrip("_"))(command)
    group.command("list")(list_)
    app.add_typer(group, name="image")


def create(
    image: Image,
    repository: Repository,
    wait: Wait = False,
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
    record = managing(login, lambda api: api.create_image(name, repository), wait=wait)
    _show(record, as_json, f"Created {record.name}, linked to repository {record.repository_slug}.")


def list_(
    workspace: Annotated[str, typer.Argument(help="Slug of the workspace.")],
    deleted: Annotated[bool, typer.Option("--deleted", help="The deleted ones that you can restore.")] = False,
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

    async def collect(api: "ManagementApi") -> "list[ImageBody]":
        return [record async for record in api.images(workspace, deleted=deleted)]

    records = managing(login, collect)
    if as_json:
        print_json([record.model_dump(mode="json", exclude_none=True) for record in records])
    elif records and deleted:
        print_table(
            ("IMAGE", "ID", "DELETED", "RESTORABLE UNTIL"),
            [(r.name, str(r.id), _moment(r.deleted_at), _moment(r.restorable_until)) for r in records],
        )
    elif records:
        print_table(
            ("IMAGE", "REPOSITORY", "VISIBILITY", "PUSH POLICY", "STATE"),
            [(r.name, r.repository_slug, r.visibility, r.push_policy, r.state) for r in records],
        )
    else:
        print_text(f"Workspace {workspace} has no {'deleted ' if deleted else ''}image that you {_can(deleted)}.")


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
    publisher: Annotated[list[str] | None, typer.Option("--publisher", help=HELP)] = None,
    no_publishers: Annotated[bool, typer.Option("--no-publishers", help="No pipeline publishes it.")] = False,
    consumer: Annotated[
        list[str] | None,
        typer.Option("--consumer", help="Repository whose pipelines may pull (slug or UUID). Again for each."),
    ] = None,
    no_consumers: Annotated[bool, typer.Option("--no-consumers", help="No other repository's pipelines pull.")] = False,
    admin_override: Annotated[
        bool | None,
        typer.Option(
            "--admin-override/--no-admin-override", help="Break the glass: admins push although only pipelines may."
        ),
    ] = None,
    wait: Wait = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Set who may pull or push an image; needs ADMIN on its repository.

    \b
    moorage image set acme/hello/tool --visibility workspace --as alice
    moorage image set acme/hello/tool --push-policy pipelines_only --publisher any:main --as alice
    """
    settings = {
        "visibility": visibility.value if visibility else None,
        "push_policy": push_policy.value if push_policy else None,
        "publishers": written(publishers(publisher or [], no_publishers)),
        "consumer_repositories": _consumers(consumer or [], no_consumers),
        "admin_override": admin_override,
    }
    given = {setting: value for setting, value in settings.items() if value is not None}
    if not given:
        raise UsageInvalid("Nothing to set was given.", "Add --visibility or --push-policy; --help shows examples.")
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()

    async def change(api: "ManagementApi") -> "ImageBody":
        return await api.change_image((await api.image(name)).id, **given)

    record = managing(login, change, wait=wait)
    _show(record, as_json, f"{record.name}: visibility {record.visibility}, push policy {record.push_policy}.")


def relink(
    image: Image,
    repository: Repository,
    visibility: VisibilityChoice = None,
    wait: Wait = False,
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

    async def change(api: "ManagementApi") -> "ImageBody":
        return await api.set_image((await api.image(name)).id, "repository", **members)

    record = managing(login, change, wait=wait)
    _show(record, as_json, f"{record.name} is now linked to repository {record.repository_slug}.")


def delete(
    image: Image,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    wait: Wait = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Delete an image with all its tags; needs ADMIN on its repository.

    It asks for the name again, because clients can't pull it from then on. For a while it can be restored.
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    if not yes and typer.prompt(f"This deletes every tag of {name}. Type its name to go on", err=True) != str(name):
        raise UsageInvalid("The name that was typed is another one.", "Nothing was deleted; try again.")

    async def remove(api: "ManagementApi") -> "ImageBody":
        return await api.delete_image((await api.image(name)).id)

    record = managing(login, remove, wait=wait)
    _show(record, as_json, f"Deleted {record.name}.{_undoing(record)}")


def restore(
    image: Annotated[UUID, typer.Argument(help="Id of the image: `moorage image list --deleted` shows it.")],
    wait: Wait = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Restore a deleted image with all its tags; needs ADMIN on its repository, and its name must be free.

    \b
    moorage image list acme --deleted --as alice
    moorage image restore 0b8f4a1e-5f0a-4d0e-9a40-2f1d9a3f6c11 --as alice
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()
    record = managing(login, lambda api: api.restore_image(image), wait=wait)
    _show(record, as_json, f"Restored {record.name}; uploads that were open when it was deleted begin anew.")


def _undoing(record: "ImageBody") -> str:
    if record.restorable_until is None or record.restorable_until <= datetime.now(UTC):
        return ""
    until = _moment(record.restorable_until)
    return f" Until {until} it can be restored: moorage image restore {record.id}"


def _can(restore: bool) -> str:
    return "can restore" if restore else "may pull"


def _moment(at: datetime | None) -> str:
    return at.isoformat(" ", "minutes") if at else "-"


def _consumers(given: list[str], none: bool) -> list[str] | None:
    if given and none:
        raise UsageInvalid("Consumers and no consumers were asked for.", "Leave out one of the two options.")
    return given if given or none else None


def _show(record: "ImageBody", as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(record)
    else:
        print_text(sentence)


def _fields(record: "ImageBody") -> list[tuple[str, object]]:
    return [
        ("name", record.name),
        ("id", record.id),
        ("repository", f"{record.repository_slug} ({record.repository})"),
        ("visibility", record.visibility),
        ("push policy", record.push_policy),
        ("publishers", ", ".join(map(spelt, record.publishers)) or "none"),
        ("consumer repositories", ", ".join(map(str, record.consumer_repositories)) or "none"),
        ("admin override", "on: admins push although only pipelines may" if record.admin_override else "off"),
        ("state", record.state),
        ("link generation", record.link_gen),
        ("created", record.created_at.isoformat(timespec="seconds")),
    ]
