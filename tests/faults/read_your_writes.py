"""A client that goes to another process after each write: what was acknowledged is what the next one tells (R47, R41).

Steps are drawn by a seed. Each writes through one process, or through one after the other, and gives the reads that
must hold from then on; they are made through every process at once.
"""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from yarl import URL

from servers.doors import Door, Reply
from servers.registry import Login

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OWNER, READER, MEMBER, WRITER = "alice", "carol", "dave", "bob"

Read = Callable[[Door], Awaitable[None]]
"""Fails if the process behind the door does not tell what it must."""


@dataclass
class Image:
    """What an image holds by what was acknowledged."""

    name: str
    id: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    shown: bool = False
    """To the whole workspace."""
    elsewhere: bool = False
    """Linked to ledger instead of hello."""

    def open_to(self, who: str) -> bool:
        """Of a reader of hello, and of a member without a grant, whether they see it."""
        return self.shown or (who == READER and not self.elsewhere)

    @property
    def path(self) -> str:
        """Below which its content is."""
        return f"/v2/{self.name}"

    def used(self) -> set[str]:
        """Digests of blobs that manifests name."""
        documents = [json.loads(each) for each in self.manifests.values()]
        return {part["digest"] for each in documents for part in [each["config"], *each["layers"]]}


class Site(Protocol):
    """The processes under test, and what may happen to them."""

    async def doors(self) -> Sequence[Door]:
        """To each process that can be reached now."""
        ...

    async def all_doors(self) -> Sequence[Door]:
        """To every process, once those that have died are there again."""
        ...

    async def kill_one(self, random: Random) -> None:
        """Without a goodbye; the others go on."""
        ...

    def pause_one(self, random: Random) -> tuple[Door, Callable[[], None]]:
        """One process stands still from now until the second is called; the first leads to it."""
        ...


class Scenario:
    """Steps on a registry with the demo's people; the owner is admin of hello and of ledger."""

    def __init__(self, site: Site, logins: Mapping[str, Login], seed: int) -> None:
        self._site = site
        self._auth = {who: _basic(login) for who, login in logins.items()}
        self._random = Random(seed)
        self._names = 0
        self.images: list[Image] = []
        self.told: list[str] = []

    async def play(self, steps: int) -> None:
        """So many steps, and everything once more at the end through all processes."""
        await self._step([self.first_push])
        for _ in range(steps):
            chance = self._random.random()
            if chance < 0.08:
                self.told.append("kill one")
                await self._site.kill_one(self._random)
            await self._step(self._kinds(), pause=chance > 0.8)
        for door in await self._site.all_doors():
            for image in self.images:
                for read in self._everything(image):
                    await read(door)

    async def _step(self, kinds: Sequence[Callable[[], Awaitable[list[Read]]]], *, pause: bool = False) -> None:
        self._doors = list(await self._site.doors())
        paused, go_on = None, None
        if pause and len(self._doors) > 1:
            paused, go_on = self._site.pause_one(self._random)
            self._doors.remove(paused)
        kind = self._random.choice(kinds)
        self.told.append(kind.__name__ + (", one asleep" if paused else ""))
        try:
            reads = await kind()
        finally:
            if go_on is not None:
                go_on()
        # Who has just woken up first: it knows least.
        for door in [*([paused] if paused else []), *self._doors]:
            for read in reads:
                await read(door)

    def _kinds(self) -> list[Callable[[], Awaitable[list[Read]]]]:
        more = [self.push_manifest, self.push_manifest, self.retag, self.push_referrer, self.delete_tag]
        more += [self.delete_manifest, self.delete_blob, self.show_or_hide, self.relink, self.delete_image]
        return [self.push_blob, self.push_blob, self.mount, self.first_push, self.create_image, *more]

    # Steps

    async def first_push(self) -> list[Read]:
        """An image that nobody has heard of."""
        image = Image(self._new_name())
        self.images.append(image)
        return await self._push_blob(image)

    async def create_image(self) -> list[Read]:
        """By the API; whoever may push finds it at once."""
        name = self._new_name()
        body = {"name": name, "repository": "hello"}
        answer = await self._ask("POST", "/api/v1/images", json=body, expected=201)
        image = Image(name, answer.json["id"])
        self.images.append(image)
        return [self._pushable(image)]

    async def push_blob(self) -> list[Read]:
        """In pieces, each through another process, at the offset that yet another one tells."""
        return await self._push_blob(self._image())

    async def mount(self) -> list[Read]:
        """From one image into another."""
        source, image = self._image(), self._image()
        if not source.blobs:
            return await self._push_blob(source)
        digest = self._random.choice(sorted(source.blobs))
        query = {"mount": digest, "from": source.name}
        await self._ask("POST", f"{image.path}/blobs/uploads/", params=query, expected=201)
        image.blobs[digest] = source.blobs[digest]
        return [self._blob(image, digest)]

    async def push_manifest(self) -> list[Read]:
        """Under a tag, under its digest, or under its digest with tags (`?tag=`)."""
        image = await self._image_with_blobs()
        body, digest = self._new_manifest(image)
        tags = self._random.sample(["a", "b", "c"], k=self._random.randint(0, 2))
        if len(tags) == 1:
            path, query = f"{image.path}/manifests/{tags[0]}", []
        else:
            path, query = f"{image.path}/manifests/{digest}", [("tag", tag) for tag in tags]
        return await self._put(image, path, query, body, digest, tags)

    async def retag(self) -> list[Read]:
        """A tag that may exist moves to a manifest that does."""
        image = self._random.choice([each for each in self.images if each.manifests] or [None])
        if image is None:
            return await self.push_manifest()
        digest = self._random.choice(sorted(image.manifests))
        path = f"{image.path}/manifests/a"
        return await self._put(image, path, [], image.manifests[digest], digest, ["a"])

    async def push_referrer(self) -> list[Read]:
        """A manifest about another one."""
        image = await self._image_with_blobs()
        subject = self._random.choice(sorted(image.manifests) or [None])
        if subject is None:
            return await self.push_manifest()
        about = {"mediaType": MANIFEST, "digest": subject, "size": len(image.manifests[subject])}
        body, digest = self._new_manifest(image, subject=about)
        reads = await self._put(image, f"{image.path}/manifests/{digest}", [], body, digest, [])

        async def referred(door: Door) -> None:
            answer = await self._seen(door, "GET", f"{image.path}/referrers/{subject}", 200)
            assert digest in [each["digest"] for each in answer.json["manifests"]], self._story()

        return [*reads, referred]

    async def delete_tag(self) -> list[Read]:
        """Only the tag goes."""
        tagged = [(image, tag) for image in self.images for tag in image.tags]
        if not tagged:
            return await self.push_manifest()
        image, tag = self._random.choice(tagged)
        await self._ask("DELETE", f"{image.path}/manifests/{tag}", expected=202)
        digest = image.tags.pop(tag)
        return [self._gone(f"{image.path}/manifests/{tag}"), self._manifest(image, digest), self._tags(image)]

    async def delete_manifest(self) -> list[Read]:
        """Its tags go with it."""
        image = self._random.choice([each for each in self.images if each.manifests] or [None])
        if image is None:
            return await self.push_manifest()
        digest = self._random.choice(sorted(image.manifests))
        await self._ask("DELETE", f"{image.path}/manifests/{digest}", expected=202)
        del image.manifests[digest]
        lost = [tag for tag, to in image.tags.items() if to == digest]
        image.tags = {tag: to for tag, to in image.tags.items() if to != digest}
        gone = [self._gone(f"{image.path}/manifests/{each}") for each in (digest, *lost)]
        return [*gone, self._tags(image)]

    async def delete_blob(self) -> list[Read]:
        """One that no manifest of the image names."""
        unused = [(image, digest) for image in self.images for digest in sorted(set(image.blobs) - image.used())]
        if not unused:
            return await self.push_blob()
        image, digest = self._random.choice(unused)
        await self._ask("DELETE", f"{image.path}/blobs/{digest}", expected=202)
        del image.blobs[digest]
        return [self._gone(f"{image.path}/blobs/{digest}")]

    async def show_or_hide(self) -> list[Read]:
        """A member without a grant sees an image for the workspace, and no other."""
        image = await self._image_with_blobs()
        path, wanted = f"/api/v1/images/{await self._id(image)}/visibility", not image.shown
        await self._ask("PUT", path, json={"visibility": "workspace" if wanted else "inherit"}, expected=200)
        image.shown = wanted
        return [self._as_open_as_told(image, MEMBER), self._as_open_as_told(image, READER)]

    async def relink(self) -> list[Read]:
        """A reader of hello reads nothing of ledger, and reads again once the image is back."""
        image = await self._image_with_blobs()
        path, wanted = f"/api/v1/images/{await self._id(image)}/repository", not image.elsewhere
        await self._ask("PUT", path, json={"repository": "ledger" if wanted else "hello"}, expected=200)
        image.elsewhere, image.shown = wanted, False
        return [self._as_open_as_told(image, MEMBER), self._as_open_as_told(image, READER)]

    async def delete_image(self) -> list[Read]:
        """Nothing of it is there for its admin either."""
        if len(self.images) < 3:
            return await self.first_push()
        image = await self._image_with_blobs()
        digest = self._random.choice(sorted(image.blobs))
        await self._ask("DELETE", f"/api/v1/images/{await self._id(image)}", expected=200)
        self.images.remove(image)
        return [self._gone(f"{image.path}/blobs/{digest}"), self._gone(f"{image.path}/tags/list")]

    # Writing

    async def _push_blob(self, image: Image) -> list[Read]:
        content = self._random.randbytes(self._random.randint(10, 3000))
        digest, half = _digest(content), len(content) // 2
        opened = await self._ask("POST", f"{image.path}/blobs/uploads/", expected=202)
        first = {"Content-Range": f"0-{half - 1}", "Content-Type": "application/octet-stream"}
        sent = await self._ask("PATCH", _location(opened), data=content[:half], headers=first, expected=202)
        told = await self._ask("GET", _location(sent), expected=204)
        assert told.headers["Range"] == f"0-{half - 1}", self._story()
        closing = str(URL(_location(told)).update_query(digest=digest))
        await self._ask("PUT", closing, data=content[half:], expected=201)
        image.blobs[digest] = content
        return [self._blob(image, digest), self._gone(_location(told))]

    async def _put(
        self,
        image: Image,
        path: str,
        query: list[tuple[str, str]],
        body: bytes,
        digest: str,
        tags: Sequence[str],
    ) -> list[Read]:
        headers = {"Content-Type": MANIFEST}
        await self._ask("PUT", path, params=query, data=body, headers=headers, expected=201)
        image.manifests[digest] = body
        image.tags |= dict.fromkeys(tags, digest)
        return [self._manifest(image, digest), *(self._tag(image, tag) for tag in tags), self._tags(image)]

    def _new_manifest(self, image: Image, **more: Any) -> tuple[bytes, str]:
        self._names += 1
        config, layer = (self._random.choice(sorted(image.blobs)) for _ in range(2))
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config, "size": len(image.blobs[config])},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": len(image.blobs[layer])}],
            "annotations": {"number": str(self._names)},
            **more,
        }
        body = json.dumps(document).encode()
        return body, _digest(body)

    def _new_name(self) -> str:
        self._names += 1
        return f"acme/hello/image-{self._names}"

    def _image(self) -> Image:
        return self._random.choice(self.images)

    async def _image_with_blobs(self) -> Image:
        image = self._image()
        if not image.blobs:
            await self._push_blob(image)
        return image

    async def _id(self, image: Image) -> str:
        if not image.id:
            found = await self._ask("GET", "/api/v1/images", params={"name": image.name}, expected=200)
            image.id = found.json["images"][0]["id"]
        return image.id

    # Reading

    def _everything(self, image: Image) -> list[Read]:
        blobs = [self._blob(image, digest) for digest in image.blobs]
        if image.blobs:
            blobs += [self._as_open_as_told(image, MEMBER), self._as_open_as_told(image, READER)]
        manifests = [self._manifest(image, digest) for digest in image.manifests]
        return [*blobs, *manifests, *(self._tag(image, tag) for tag in image.tags)]

    def _blob(self, image: Image, digest: str) -> Read:
        async def read(door: Door) -> None:
            answer = await self._seen(door, "GET", f"{image.path}/blobs/{digest}", 200)
            assert answer.body == image.blobs[digest], self._story()

        return read

    def _manifest(self, image: Image, digest: str) -> Read:
        async def read(door: Door) -> None:
            answer = await self._seen(door, "GET", f"{image.path}/manifests/{digest}", 200)
            assert answer.body == image.manifests[digest], self._story()

        return read

    def _tag(self, image: Image, tag: str) -> Read:
        async def read(door: Door) -> None:
            answer = await self._seen(door, "HEAD", f"{image.path}/manifests/{tag}", 200)
            assert answer.headers["Docker-Content-Digest"] == image.tags[tag], self._story()

        return read

    def _tags(self, image: Image) -> Read:
        async def read(door: Door) -> None:
            answer = await self._seen(door, "GET", f"{image.path}/tags/list", 200)
            assert answer.json["tags"] == sorted(image.tags), self._story()

        return read

    def _gone(self, path: str) -> Read:
        async def read(door: Door) -> None:
            await self._seen(door, "GET", path, 404)

        return read

    def _as_open_as_told(self, image: Image, who: str) -> Read:
        path = f"{image.path}/blobs/{min(image.blobs)}"

        async def read(door: Door) -> None:
            await self._seen(door, "HEAD", path, 200 if image.open_to(who) else 404, who)

        return read

    def _pushable(self, image: Image) -> Read:
        async def read(door: Door) -> None:
            opened = await self._seen(door, "POST", f"{image.path}/blobs/uploads/", 202, WRITER)
            await self._seen(door, "DELETE", _location(opened), 204, WRITER)

        return read

    async def _seen(self, door: Door, method: str, path: str, status: int, who: str = OWNER) -> Reply:
        answer = await door.ask(method, path, self._auth[who])
        assert answer.status == status, f"{who}: {method} {path}: {answer.status}, {answer.body!r}; {self._story()}"
        return answer

    async def _ask(self, method: str, path: str, *, expected: int, **options: Any) -> Reply:
        """Through any process that is awake."""
        answer = await self._random.choice(self._doors).ask(method, path, self._auth[OWNER], **options)
        assert answer.status == expected, f"{method} {path}: {answer.status}, {answer.body!r}; {self._story()}"
        return answer

    def _story(self) -> str:
        return f"steps: {', '.join(self.told[-12:])}"


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.token}".encode()).decode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _location(answer: Reply) -> str:
    return URL(answer.headers["Location"]).raw_path_qs
