"""Images: in, out, across, listed and away."""

import re

from clients import layouts
from clients.bench import PLATFORMS, READER, Bench
from servers.images import layers_of


async def login(bench: Bench) -> None:
    """Whoever logged in with a right token is let in to what is private."""
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.unheard_of(layout, size=1)
    await bench.look.seed(layout, image)
    client = await bench.client(READER)
    bench.note("version", await client.version())
    outcome = await client.resolve(image)
    assert outcome.succeeded, outcome


async def wrong_password(bench: Bench) -> None:
    """A wrong token is refused in words: by the login, or by the first use of what the login took unseen."""
    client = await bench.client(None)
    outcome = await client.login(f"somebody-{client.program}", "mrg_pat_this-is-not-a-token")
    if not client.login_asks:
        assert outcome.succeeded
        outcome = await client.resolve(f"{bench.name()}:1")
    assert not outcome.succeeded
    assert client.words.wrong_password in outcome.stderr, outcome


async def push(bench: Bench) -> None:
    """An image of one platform: the registry can give all of it back."""
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.one_platform(layout, bench.image)
    client = await bench.client()
    outcome = await client.push(layout, image)
    assert outcome.succeeded, outcome
    assert list((await bench.look.layers(image)).values()) == [bench.layers()]
    assert not client.keeps_bytes or await bench.look.holds(layout, image)


async def pull(bench: Bench) -> None:
    """An image that no client pushed comes out with its very layers."""
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.unheard_of(layout)
    await bench.look.seed(layout, image)
    client, folder = await bench.client(), bench.place()
    outcome = await client.pull(image, folder)
    assert outcome.succeeded, outcome
    assert await client.layers(image, folder) == layers_of(layout, "")


async def multi_arch(bench: Bench) -> None:
    """An index with two platforms goes in, and each of them comes out."""
    image = f"{bench.name()}:1"
    client = await bench.client()
    outcome = await client.push_platforms(bench.image, image)
    assert outcome.succeeded, outcome
    assert await bench.look.layers(image) == {platform: bench.layers(platform) for platform in PLATFORMS}
    assert not client.keeps_bytes or await bench.look.holds(bench.image, image)
    for platform in PLATFORMS:
        folder = bench.place()
        outcome = await client.pull(image, folder, platform)
        assert outcome.succeeded, outcome
        assert await client.layers(image, folder, platform) == bench.layers(platform)


async def mount(bench: Bench) -> None:
    """A copy to another image of the registry sends no layer again."""
    source, target = f"{bench.name()}:1", f"{bench.name()}:1"
    layout = bench.place()
    layouts.one_platform(layout, bench.image)
    client = await bench.client()
    assert (await client.push(layout, source)).succeeded
    outcome = await client.copy(source, target)
    assert outcome.succeeded, outcome
    mounts = bench.door.seen("POST", f"{target[:-2]}/blobs/uploads/?")
    assert 201 in [one.status for one in mounts if "mount=sha256" in one.path], bench.door.passed
    assert await bench.look.layers(target) == await bench.look.layers(source)


async def list_tags(bench: Bench) -> None:
    """All tags of an image."""
    layout, name, tags = bench.place(), bench.name(), ["tag-one", "tag-three", "tag-two"]
    layouts.helm_chart(layout)
    for tag in tags:
        await bench.look.seed(layout, f"{name}:{tag}")
    listed = await (await bench.client()).list_tags(name)
    assert listed.succeeded, listed
    assert sorted(re.findall(r"tag-\w+", listed.stdout)) == tags


async def delete(bench: Bench) -> None:
    """What the client deleted is not there any more, and the rest of the image is."""
    name, away, kept = bench.name(), bench.place(), bench.place()
    layouts.helm_chart(away)
    layouts.cache_manifest(kept)
    await bench.look.seed(away, f"{name}:away")
    await bench.look.seed(kept, f"{name}:kept")
    outcome = await (await bench.client()).delete(f"{name}:away")
    assert outcome.succeeded, outcome
    assert await bench.look.tags(name) == ["kept"]
    assert await bench.look.digest(f"{name}:away") is None
