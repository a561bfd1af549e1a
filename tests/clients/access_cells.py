"""Who may pull what (authorization.md §1.6), and what somebody is told who may not."""

from clients import layouts
from clients.bench import ADMIN, MEMBER, OUTSIDER, READER, Bench

PEOPLE = (READER, MEMBER, OUTSIDER, None)
"""With read on the repository; a member of the workspace without; no member; nobody."""


async def private(bench: Bench) -> None:
    """Visibility `inherit`: who may read the repository."""
    await _pulls(bench, "inherit", {READER})


async def workspace_visible(bench: Bench) -> None:
    """Visibility `workspace`: every member too."""
    await _pulls(bench, "workspace", {READER, MEMBER})


async def public(bench: Bench) -> None:
    """Visibility `public`: everybody, without a login too."""
    await _pulls(bench, "public", {READER, MEMBER, OUTSIDER, None})


async def _pulls(bench: Bench, visibility: str, allowed: set[str | None]) -> None:
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.unheard_of(layout, size=1)
    await bench.look.seed(layout, image)
    await _show(bench, image, visibility)
    for person in PEOPLE:
        client = await bench.client(person)
        outcome = await client.resolve(image)
        assert outcome.succeeded is (person in allowed), (person, outcome)
        if person not in allowed:
            words = client.words.hidden if person else client.words.nobody
            assert words in outcome.stderr, (person, outcome)


async def _show(bench: Bench, image: str, visibility: str) -> None:
    record = await bench.attacker.image_id(ADMIN, image.rpartition(":")[0])
    path = f"/api/v1/images/{record}/visibility"
    shown = await bench.attacker.manage("PUT", path, {"visibility": visibility}, auth=bench.attacker.basic(ADMIN))
    assert shown.status == 200, shown
