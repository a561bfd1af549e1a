"""The chunked coding, decoded in place: any split of it is the same body, and nothing doubtful is a body (R134)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.runtime.chunked import Chunks, ChunksMalformed


def coded(chunks: list[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    """The chunks as a client sends them."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + end


def decoded(chunks: Chunks, reads: list[bytes]) -> tuple[bytes, bytes]:
    """The content of what was read piece by piece, and what was read behind the end."""
    content, behind = bytearray(), bytearray()
    for read in reads:
        region = bytearray(read)
        kept, used = chunks.decode(memoryview(region))
        content += region[:kept]
        behind += read[used:]
    return bytes(content), bytes(behind)


@given(st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=20), st.data())
def test_any_split_is_the_same_body(chunks: list[bytes], behind: bytes, data: st.DataObject) -> None:
    """And what follows the body is not touched."""
    sent = coded(chunks, data.draw(st.sampled_from([b"0\r\n\r\n", b"000;last\r\nX: y\r\n\r\n"]))) + behind
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    reads = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    decoder = Chunks()
    assert decoded(decoder, reads) == (b"".join(chunks), behind)
    assert decoder.is_finished
    assert decoder.decoded == sum(map(len, chunks))


@pytest.mark.parametrize(
    "sent",
    [
        b"zz\r\n",
        b"-1\r\nx\r\n",
        b"+1\r\nx\r\n",
        b" 1\r\nx\r\n",
        b"1 \r\nx\r\n",
        b"0x1\r\nx\r\n",
        b"1_0\r\n",
        b"\r\n",
        b"1\nx\r\n",
        b"1\r\r\nx\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n0\r\n\r\n",
        b"1;a\x00b\r\nx\r\n",
        b"1;a\rb\r\nx\r\n",
        b"12345678901234567\r\n",
        b"1;" + b"a" * 5000 + b"\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nno field\r\n\r\n",
        b"0\r\nX: a\x00\r\n\r\n",
        b"0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 1000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("at_a_time", [1, 1_000_000])
def test_what_is_no_chunk_is_refused(sent: bytes, at_a_time: int) -> None:
    """However it arrives."""
    reads = [sent[at : at + at_a_time] for at in range(0, len(sent), at_a_time)]
    with pytest.raises(ChunksMalformed):
        decoded(Chunks(), reads)
