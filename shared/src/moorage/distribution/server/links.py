"""`Link` headers to the next page (RFC 8288)."""

from urllib.parse import urlencode

from moorage.distribution.paths import Place


def next_page(place: Place, **parameters: str | None) -> dict[str, str]:
    """The header for the page of `place` that the parameters ask for; relative, so it stays on this origin (R39)."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return {"Link": f'<{place}?{urlencode(given)}>; rel="next"'}
