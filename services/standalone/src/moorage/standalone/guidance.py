"""What a person is told when the registry runs: lines that can be pasted as they are. Pure."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Guidance:
    """Where the running registry is and where its files are."""

    registry: str
    internal: str
    data: Path
    credentials: Path
    operator: Path
    program: str = "moorage"

    def demo(self, *, minted: bool) -> str:
        """The whole tour after tokens were made; else where to find them again."""
        return self._tour() if minted else self._again()

    def empty(self) -> str:
        """The next steps with a registry that knows nobody."""
        data = shlex.quote(str(self.data))
        return f"""
Moorage runs at http://{self.registry}. It is empty: it knows no workspace and no user yet.

  The operator's credential is in {self.operator} (declares sources, applies facts, mints first
  tokens, has no right on any image). Next:

  1. Tell who belongs to what:         {self.program} facts apply FILE --data {data}
     (`{self.program} facts apply --help` shows what facts look like)
  2. Mint a first token for a user:    {self.program} token create first --user ACCOUNT --data {data}
  3. Log in with it:                   docker login {self.registry} --username ACCOUNT

{self._places()}"""

    def _tour(self) -> str:
        return f"""
Moorage runs at http://{self.registry} with the demo workspace acme.

  alice is admin of repository hello, bob has write (through group developers), carol has read,
  dave is a member without a grant, mallory is a stranger. Their tokens: {self.credentials}

  Log in as alice:
{self._login("docker login", "alice")}

  Push and pull with Docker (the first push creates the image, linked to repository hello):
    docker pull busybox
    docker tag busybox {self.registry}/acme/hello/tool:1.0
    docker push {self.registry}/acme/hello/tool:1.0
    docker pull {self.registry}/acme/hello/tool:1.0

  Or without Docker:
{self._login("skopeo login --tls-verify=false", "alice")}
    skopeo copy --all --dest-tls-verify=false docker://docker.io/library/busybox docker://{self.registry}/acme/hello/tool:1.0

  Who may do what, and why:
    {self._moorage("explain acme/hello/tool push --as bob")}
    {self._moorage("check acme/hello/tool pull --as dave")}

{self._places()}"""

    def _again(self) -> str:
        return f"""
Moorage runs again at http://{self.registry} with the demo workspace acme.

  The users' tokens are unchanged, in {self.credentials}. Log in as alice:
{self._login("docker login", "alice")}

{self._places()}"""

    def _login(self, command: str, user: str) -> str:
        path = shlex.quote(str(self.credentials))
        script = f'import json, sys; print(json.load(open(sys.argv[1]))["users"]["{user}"]["token"])'
        return (
            f"    python3 -c '{script}' {path} \\\n      | {command} {self.registry} --username {user} --password-stdin"
        )

    def _moorage(self, arguments: str) -> str:
        return f"{shlex.quote(self.program)} {arguments} --credentials-file {shlex.quote(str(self.credentials))}"

    def _places(self) -> str:
        return f"""  Data: {self.data}/ (kept over restarts; remove the folder to start anew)
  Internal listener: {self.internal}
  Stop: Ctrl-C
"""
