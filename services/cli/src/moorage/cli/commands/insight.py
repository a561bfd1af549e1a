"""`moorage access …`: who can, what can, what has changed, what a change would do, and whether somebody is out."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import typer
from rich.markup import escape
from rich.tree import Tree

from moorage.cli.arguments import Image, image_name
from moorage.cli.explanation import add_paths, change_text, print_tree
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, At, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.preview_file import changes_in
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.explain_wire import DiffAnswer, PreviewAnswer, WhatCanAnswer, WhoCanAnswer
    from moorage.cli.management_api import ManagementApi

Page = TypeVar("Page")
RoleName = Annotated[Literal["read", "write", "admin"], typer.Option("--role", help="At least this role.")]
User = Annotated[str, typer.Argument(metavar="USER", help="Account or UUID.")]
Workspace = Annotated[str, typer.Option("--workspace", help="Slug of the workspace.")]
Since = Annotated[str, typer.Option("--from", metavar="WHEN", help="The older position or time.")]
Until = Annotated[str | None, typer.Option("--to", metavar="WHEN", help="The newer one. Default: now.")]
SOURCE: Final = "/cli/preview"


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Who can, what can, what has changed, and what a change would do.")
    for name, command in (
        ("who", who),
        ("what", what),
        ("diff", diff),
        ("preview", preview),
        ("offboarding", offboarding),
    ):
        group.command(name)(command)
    app.add_typer(group, name="access")


def who(
    image: Image,
    role: RoleName = "read",
    at: At = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List everybody who has a role on an image, also robots, and why. For admins of its repository and owners.

    \b
    moorage access who acme/hello/tool --as alice
    moorage access who acme/hello/tool --role write --at 2026-11-23T10:00:00Z --as alice
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()

    async def ask(api: "ManagementApi") -> "list[WhoCanAnswer]":
        return await _all(api.insight.who_can((await api.image(name)).id, role, at))

    pages = managing(login, ask)
    if as_json:
        everybody = [each for page in pages for each in (*page.holders, *page.robots)]
        print_json([each.model_dump(mode="json", exclude_none=True) for each in everybody])
        return
    root = Tree(f"[bold]{escape(pages[0].image)}[/] (as of {pages[0].token}, repository {pages[0].repository_state})")
    for page in pages:
        for holder in page.holders:
            inactive = "" if holder.active else " [yellow](not active: refused everywhere)[/]"
            branch = root.add(f"[bold]{escape(holder.account or str(holder.user))}[/] {holder.role}{inactive}")
            add_paths(branch, holder.paths)
        for robot in page.robots:
            until = f" [dim](until {robot.expires})[/]" if robot.expires else ""
            branch = root.add(f"[bold]robot {escape(robot.name)}[/] {robot.role}{until}")
            add_paths(branch, robot.paths)
    for each in pages[0].beside:
        root.add(f"[dim]{escape(each)}: pull[/]")
    print_tree(root)


def what(
    account: User,
    workspace: Workspace,
    role: RoleName = "read",
    at: At = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the images on which somebody has a role: all of yours; of others', those that you administer.

    \b
    moorage access what carol --workspace acme --as alice
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()

    async def ask(api: "ManagementApi") -> "list[WhatCanAnswer]":
        return await _all(api.insight.what_can(account, workspace, role, at))

    pages = managing(login, ask)
    held = [each for page in pages for each in page.images]
    if as_json:
        print_json([each.model_dump(mode="json", exclude_none=True) for each in held])
        return
    if not held:
        print_text(f"{account} has no role of that kind on an image that you may know of (as of {pages[0].token}).")
        return
    print_table(
        ("IMAGE", "ROLE", "BY"),
        [(each.name, each.role, "; ".join(path.via[0].text for path in each.paths)) for each in held],
    )


def diff(
    since: Since,
    image: Annotated[str | None, typer.Argument(metavar="[IMAGE]", help="WORKSPACE/NAME; or give --principal.")] = None,
    until: Until = None,
    principal: Annotated[str | None, typer.Option("--principal", help="Account or UUID instead of an image.")] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", help="Where to look, with --principal.")] = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show who gained or lost which role between two positions or times, and by which changes.

    \b
    moorage access diff acme/hello/tool --from 2026-11-23T00:00:00Z --as alice
    moorage access diff --principal carol --workspace acme --from zt1.1.40 --to zt1.1.70 --as alice
    """
    if (image is None) == (principal is None) or (principal is not None and workspace is None):
        remedy = "Write IMAGE, or --principal USER --workspace WORKSPACE."
        raise UsageInvalid("A difference is one of an image, or of somebody in a workspace.", remedy)
    name = image_name(image) if image else None
    login = LoginOptions(server, user, credentials, token_file).login().known()

    async def ask(api: "ManagementApi") -> "list[DiffAnswer]":
        if name is not None:
            return await _all(api.insight.image_diff((await api.image(name)).id, since, until))
        return await _all(api.insight.user_diff(principal or "", workspace or "", since, until))

    pages = managing(login, ask)
    found = [each for page in pages for each in page.differences]
    if as_json:
        print_json([each.model_dump(mode="json", exclude_none=True) for each in found])
        return
    root = Tree(f"{len(found)} differences between {pages[0].since} and {pages[0].token}")
    for each in found:
        branch = root.add(f"{escape(each.principal)} on {escape(each.image)}: [bold]{each.before} → {each.after}[/]")
        for change in each.by:
            branch.add(change_text(change))
    print_tree(root)


def preview(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Changes as JSON objects, '-' for standard input.")],
    workspace: Workspace,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show who would gain and lose what by changes, without making them. For owners of the workspace.

    The file has one JSON object per line, or an array of them: facts as `moorage facts apply` takes them, or changes of
    images: `image` with `set` (visibility, push_policy, …) or with `repository`, its new one.

    \b
    moorage facts template grant --workspace acme --repository hello \\
      --user carol --role none | moorage access preview - --workspace acme --as alice
    echo '{"image":"hello/tool","set":{"visibility":"workspace"}}' \\
      | moorage access preview - --workspace acme --as alice
    """
    from moorage.cli.facts_file import complete

    changes = changes_in(_read(file), lambda event: complete(event, SOURCE, datetime.now(UTC)))
    login = LoginOptions(server, user, credentials, token_file).login().known()
    told = managing(login, lambda api: api.insight.preview(workspace, changes))
    if as_json:
        print_json(told)
    else:
        print_tree(_effects(told))


def offboarding(
    account: User,
    workspace: Annotated[
        str | None, typer.Option("--workspace", help="A workspace that you own; the operator needs none.")
    ] = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show whether somebody who was deactivated is refused by every gateway, and since when.

    \b
    moorage access offboarding carol --workspace acme --as alice
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()
    told = managing(login, lambda api: api.insight.offboarding(account, workspace))
    if as_json:
        print_json(told)
        return
    if told.active:
        print_text(f"{told.account} is active: no gateway refuses this account (as of {told.token}).")
        return
    where = "every gateway that is known" if told.everywhere else "not yet every gateway"
    root = Tree(f"{escape(told.account)} is refused by [bold]{where}[/] (as of {told.token})")
    if told.deactivated:
        root.add(change_text(told.deactivated))
    for each in told.gateways:
        state = "[green]refuses[/]" if each.refuses else "[red]may still allow[/]"
        root.add(f"gateway {each.gateway}: {state}, has applied {each.applied}, seen {each.seen_at:%H:%M:%S}")
    print_tree(root)


def _effects(told: "PreviewAnswer") -> Tree:
    root = Tree(f"{len(told.effects)} effects, tried at {told.token}; nothing was changed")
    for each in told.effects:
        lost = sorted(set(each.before) - set(each.after))
        gained = sorted(set(each.after) - set(each.before))
        words = [f"[green]+{action}[/]" for action in gained] + [f"[red]-{action}[/]" for action in lost]
        roles = f"{each.role_before} → {each.role_after}" if each.role_before != each.role_after else each.role_after
        root.add(f"{escape(each.principal)} on {escape(each.image)}: [bold]{roles}[/] {' '.join(words)}")
    return root


async def _all(pages: AsyncIterator[Page]) -> list[Page]:
    return [page async for page in pages]


def _read(file: str) -> str:
    try:
        content: Any = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return str(content.decode())
    except OSError as error:
        raise UsageInvalid(f"{file} cannot be read: {error.strerror}.", "Name a file with changes, or '-'.") from None
    except UnicodeDecodeError:
        raise UsageInvalid(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from None
