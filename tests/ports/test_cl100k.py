"""Token numbers back to text: what OpenAI's tokenizer makes of a text is read back as that text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.cl100k import Cl100k
from packhouse.domain.errors import Refused
from packhouse.ports.models import TokenReader

pytestmark = [pytest.mark.anyio, pytest.mark.needs("cl100k")]


@pytest.fixture(scope="module")
def reader() -> TokenReader:
    return Cl100k()


@given(texts=st.lists(st.text(), max_size=4))
async def test_a_text_that_was_cut_into_tokens_comes_back(reader: TokenReader, texts: list[str]) -> None:
    import bpe_openai

    encoding = bpe_openai.get_encoding("cl100k_base")
    assert await reader.read([tuple(encoding.encode(text)) for text in texts]) == texts


async def test_known_numbers(reader: TokenReader) -> None:
    assert await reader.read([(15339, 1917), (), (0,)]) == ["hello world", "", "!"]


async def test_half_a_character_is_read_as_one_that_cannot_be(reader: TokenReader) -> None:
    import bpe_openai

    first, second = bpe_openai.get_encoding("cl100k_base").encode("語")
    assert await reader.read([(first,), (first, second)]) == ["\ufffd", "語"]


@pytest.mark.parametrize("number", [100_256, 100_257, 10**12])
async def test_a_number_that_is_no_token_is_refused(reader: TokenReader, number: int) -> None:
    with pytest.raises(Refused) as caught:
        await reader.read([(1,), (2, number)])
    assert (caught.value.code, str(number) in caught.value.message) == ("invalid_request", True)


@pytest.mark.parametrize("package", ["no_such_package_here", "msgspec"])
async def test_without_the_vocabulary_it_says_what_to_do(package: str) -> None:
    with pytest.raises(Refused) as caught:
        await Cl100k(package).read([(1,)])
    assert (caught.value.code, "bpe-openai" in caught.value.message) == ("unsupported", True)
