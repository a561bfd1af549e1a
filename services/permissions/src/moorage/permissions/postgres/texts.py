"""What PostgreSQL can hold as a text: anything in UTF-8 but NUL."""


def storable(text: str) -> bool:
    """Whether a stored text can equal this one; a look-up by another finds nothing, without asking."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
