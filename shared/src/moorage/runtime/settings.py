"""What every service's settings are made of: read once, frozen, checked before anything connects, printed masked."""

from typing import ClassVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from moorage.runtime.masking import MASK, masked_text


class Settings(BaseSettings):
    """The base of each service's one model. A subclass sets `env_prefix`; secrets are SecretStr.

    A wrong value is reported by name and rule, never with the value: it may be a secret in the wrong place (R146).
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_nested_delimiter="__",
        hide_input_in_errors=True,
        validate_default=True,
    )

    def masked(self) -> dict[str, str]:
        """Every setting as text, secrets masked: what is logged at start."""
        return {name: _text(getattr(self, name)) for name in type(self).model_fields}


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return masked_text(str(value))
