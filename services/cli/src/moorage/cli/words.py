"""The words behind `moorage`: each is known by one line of help, and what it needs is loaded when it is used."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Word(TyperCommand):
    """A command or group of which the name and the line of help are known, and the module that registers it."""

    def __init__(self, name: str, module: str, help: str) -> None:
        super().__init__(name, help=help)
        self.module = module

    def load(self) -> TyperCommand | TyperGroup:
        """The command or group itself."""
        app = typer.Typer()
        import_module(self.module).register(app)
        loaded = get_group(app).commands[str(self.name)]
        assert isinstance(loaded, TyperCommand | TyperGroup)
        return loaded


class Words(TyperGroup):
    """A group that lists its words, and loads the one that the command line names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The word's name, the loaded command, and what is left for it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Word) else command, rest


def group_of(words: Iterable[Word]) -> type[Words]:
    """The class, as Typer wants it, of the group that has these words in this order."""
    known = {str(word.name): word for word in words}

    class Known(Words):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes | {"commands": dict(known)})

    return Known
