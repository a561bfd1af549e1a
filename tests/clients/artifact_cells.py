"""What is no plain image: artifacts, signatures, attestations and caches."""

from collections.abc import Callable
from pathlib import Path

from clients import layouts
from clients.bench import PLATFORMS, Bench

ARTIFACT_TYPE = "application/vnd.moorage.test.report.v1"
MEDIA_TYPE = "text/plain"


async def artifact(bench: Bench) -> None:
    """A file of a type of its own goes in by the client's own command, and comes out the same."""
    image, file, back = f"{bench.name()}:1", bench.place(), bench.place()
    file.write_text("a report\n", encoding="utf-8")
    client = await bench.client()
    outcome = await client.push_artifact(image, ARTIFACT_TYPE, MEDIA_TYPE, file)
    assert outcome.succeeded, outcome
    manifest = await bench.look.manifest(image)
    assert (manifest["artifactType"], manifest["layers"][0]["mediaType"]) == (ARTIFACT_TYPE, MEDIA_TYPE)
    back.mkdir()
    outcome = await client.pull_artifact(image, back / file.name)
    assert outcome.succeeded, outcome
    assert (back / file.name).read_text(encoding="utf-8") == "a report\n"


async def referrers(bench: Bench) -> None:
    """What the client attaches to an image it finds again by asking for referrers; no fallback tag is made."""
    name, file = bench.name(), bench.place()
    await bench.look.seed(bench.image, f"{name}:1")
    file.write_text("a report\n", encoding="utf-8")
    client = await bench.client()
    outcome = await client.attach(f"{name}:1", ARTIFACT_TYPE, MEDIA_TYPE, file)
    assert outcome.succeeded, outcome
    (known,) = await bench.look.referrers(f"{name}:1")
    assert known["artifactType"] == ARTIFACT_TYPE
    listed = await client.referrers(f"{name}:1")
    assert listed.succeeded, listed
    assert known["digest"] in listed.stdout
    assert await bench.look.tags(name) == ["1"]


async def helm_chart(bench: Bench) -> None:
    """A chart, as Helm makes it."""
    await _there_and_back(bench, layouts.helm_chart)


async def cosign_signature(bench: Bench) -> None:
    """A signature under the tag that cosign looks for, beside the image that it signs."""
    name = bench.name()
    await bench.look.seed(bench.image, f"{name}:1")
    signed = await bench.look.digest(f"{name}:1")
    assert signed
    image = f"{name}:{layouts.signature_tag(signed)}"
    await _there_and_back(bench, lambda folder: layouts.cosign_signature(folder, signed), image)


async def attestations(bench: Bench) -> None:
    """An index with attestations beside the images: whoever wants a platform gets its image, and no attestation."""
    layout, image, folder = bench.place(), f"{bench.name()}:1", bench.place()
    layouts.attested(layout, bench.image)
    client = await bench.client()
    if client.keeps_bytes:
        outcome = await client.push_platforms(layout, image)
        assert outcome.succeeded, outcome
        assert await bench.look.holds(layout, image)
    else:
        await bench.look.seed(layout, image)
    outcome = await client.pull(image, folder)
    assert outcome.succeeded, outcome
    assert await client.layers(image, folder, PLATFORMS[0]) == bench.layers()


async def cache_manifest(bench: Bench) -> None:
    """A build's cache in BuildKit's newer form, an image manifest."""
    await _there_and_back(bench, layouts.cache_manifest)


async def cache_index(bench: Bench) -> None:
    """A build's cache in BuildKit's older form, an index of layers, is copied to another image."""
    layout, source, target = bench.place(), f"{bench.name()}:1", f"{bench.name()}:1"
    layouts.cache_index(layout)
    await bench.look.seed(layout, source)
    outcome = await (await bench.client()).copy(source, target)
    assert outcome.succeeded, outcome
    assert await bench.look.holds(layout, target)


async def build(bench: Bench) -> None:
    """A build on a private image of the registry; with its cache there, the next build on another machine is spared."""
    base, cache, folder = f"{bench.name()}:1", bench.name(), bench.place()
    await bench.look.seed(bench.image, base)
    folder.mkdir()
    (folder / "Dockerfile").write_text("ARG BASE\nFROM $BASE\nCOPY report /report\n", encoding="utf-8")
    (folder / "report").write_text("a report\n", encoding="utf-8")
    for known in (False, True):
        client = await bench.client()
        outcome = await client.build(folder, base, cache)
        assert outcome.succeeded, outcome
        assert (client.cached in outcome.stdout + outcome.stderr) is known, outcome


async def _there_and_back(bench: Bench, write: Callable[[Path], str], image: str = "") -> None:
    """The client pushes it from a layout and pulls it into another; the bytes are equal everywhere."""
    layout, folder, image = bench.place(), bench.place(), image or f"{bench.name()}:1"
    write(layout)
    client = await bench.client()
    outcome = await client.push(layout, image)
    assert outcome.succeeded, outcome
    assert await bench.look.holds(layout, image)
    outcome = await client.pull(image, folder)
    assert outcome.succeeded, outcome
    for blob in (layout / "blobs" / "sha256").iterdir():
        assert (folder / "blobs" / "sha256" / blob.name).read_bytes() == blob.read_bytes()
