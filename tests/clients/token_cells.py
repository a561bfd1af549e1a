"""Tokens and credentials that end while a client is at work."""

from clients import layouts
from clients.bench import ADMIN, Bench
from clients.credential import NewCredential
from servers.clients.registry_client import RegistryClient
from servers.images import layers_of


async def expired_token(bench: Bench) -> None:
    """A client whose token has expired gets itself a new one amid a pull, and nobody notices."""
    layout, image, folder = bench.place(), f"{bench.name()}:1", bench.place()
    layouts.unheard_of(layout)
    await bench.look.seed(layout, image)
    client = await bench.client()
    _tokens_are_short_lived(bench, client)
    bench.door.tokens_die_after("/manifests/")
    outcome = await client.pull(image, folder)
    assert outcome.succeeded, outcome
    assert await client.layers(image, folder) == layers_of(layout, "")
    assert bench.door.dead


async def token_dies_amid_push(bench: Bench) -> None:
    """The token expires amid a layer: the request ends well, and the client goes on with a new token by itself."""
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.unheard_of(layout)
    client = await bench.client()
    _tokens_are_short_lived(bench, client)
    bench.door.token_dies_amid_upload()
    outcome = await client.push(layout, image)
    assert outcome.succeeded, outcome
    assert list((await bench.look.layers(image)).values()) == [layers_of(layout, "")]
    assert bench.door.dead
    assert [one.status for one in bench.door.seen("PUT", bench.door.upload)][-1] == 201, bench.door.passed


async def credential_revoked_amid_push(bench: Bench) -> None:
    """The credential is revoked amid a layer: the push fails in words, and succeeds after another login."""
    layout, image = bench.place(), f"{bench.name()}:1"
    layouts.unheard_of(layout)
    credential = await NewCredential.made(bench.attacker, ADMIN)
    client = await bench.client(credential.login)
    bench.door.amid_upload(credential.revoke)
    outcome = await client.push(layout, image)
    assert not outcome.succeeded, outcome
    assert client.words.revoked in outcome.stderr, outcome
    login = bench.registry.logins[ADMIN]
    assert (await client.login(login.username, login.token)).succeeded
    again = await client.push(layout, image)
    assert again.succeeded, again
    assert list((await bench.look.layers(image)).values()) == [layers_of(layout, "")]


def _tokens_are_short_lived(bench: Bench, client: RegistryClient) -> None:
    """Some clients get a new token when their own clock says so, others when the registry tells them."""
    if client.renewal_margin is not None:
        bench.door.shorten_tokens(client.renewal_margin)
