"""What follows a tag is decided by code point, whatever the client sends as `last`."""

import string

from hypothesis import given
from hypothesis import strategies as st

from moorage.storage.tag_order import comparable

tags = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=4)
ODD = ["\0", "\1", "-", "A", "a", "z", "~", "ä", "\ud800", "\udfff", "\U0001f600"]
anything = st.text(st.sampled_from(ODD), max_size=4)


@given(tags, anything)
def test_every_text_has_a_place_among_the_tags(tag: str, after: str) -> None:
    """The text that is asked of the database stands where the client's stands, and can be encoded."""
    asked = comparable(after)
    assert (tag > asked) == (tag > after)
    assert "\0" not in asked
    assert asked.encode().decode() == asked
