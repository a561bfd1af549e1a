"""The commands of `moorage`, one module per word or few; a module is loaded when a command line names its word."""

from typing import Final

import typer

from moorage.cli.words import Word, group_of


def _word(name: str, module: str, help: str) -> Word:
    return Word(name, f"{__name__}.{module}", help)


WORDS: Final = (
    _word(
        "serve", "serve", "Run a whole registry in this process and its workers, with an embedded PostgreSQL server."
    ),
    _word("check", "access", "Ask whether you may do something with an image; exit code 0 means yes, 4 means no."),
    _word(
        "explain",
        "access",
        "Show why somebody may do something with an image, or may not: every path of facts, and what would allow it.",
    ),
    _word(
        "doctor",
        "doctor",
        "Examine a registry and this machine: reachability, challenge, clock, token round trip, file modes, clients.",
    ),
    _word("version", "version", "Show which version of Moorage and of Python runs here."),
    _word(
        "gateway",
        "services",
        "Run a gateway: the distribution API, tokens and the management API, in front of permissions and storage.",
    ),
    _word(
        "permissions",
        "services",
        "Run the permissions service: facts in, decisions, image records, tokens, and the stream that gateways follow.",
    ),
    _word("storage", "services", "Run the storage service: blobs, manifests, tags and uploads, for gateways only."),
    _word("facts", "facts", "Facts about workspaces, repositories, groups, users and grants."),
    _word("image", "image", "Images: create, show, change, link, delete, restore."),
    _word("tag", "tag", "Tags of an image: list, restore deleted ones."),
    _word("workspace", "workspace", "Workspaces: what holds for all of their images."),
    _word("token", "token", "Personal tokens: create, list, revoke."),
    _word("sync", "sync", "How current a workspace's rights are."),
    _word("access", "insight", "Who can, what can, what has changed, and what a change would do."),
    _word("audit", "audit", "Decisions: who wanted what, and how it was decided."),
)


def build() -> typer.Typer:
    """The whole command line."""
    return typer.Typer(
        name="moorage",
        cls=group_of(WORDS),
        callback=_only_its_words,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        help=(
            "A registry for OCI and Docker images that inherit the permissions of source repositories.\n\n"
            "Start one here with [bold]moorage serve --demo[/], then try\n\n"
            "[bold]moorage image list acme --as alice[/]\n\n"
            "[bold]moorage check acme/hello/tool push --as bob[/]\n\n"
            "[bold]moorage explain acme/hello/tool push --as bob[/]"
        ),
        epilog=(
            "Exit codes: 0 done, 1 refused or failed, 2 the command line is not valid, "
            "3 the registry can't be reached, 4 `check` says no."
        ),
    )


def _only_its_words() -> None:
    """Nothing by itself; Typer makes a group of what has a callback."""
