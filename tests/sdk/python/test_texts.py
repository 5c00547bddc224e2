"""Any text comes back as it was sent."""

import pytest

from generation import GOOGLE_LINE_ENDS
from sdk import GPT, chunked, completed, generated, opened, settled, streamed, user

TEXTS = {
    "accents": "Zürich, naïve, Ωμέγα, привет, 日本語テキスト, שלום, नमस्ते",
    "emoji": "😀 👩‍👩‍👧‍👦 🇨🇭 👍🏽 plain😀glued",
    "combining": "e\u0301 a\u0308\u0304 \u0301alone",
    "line ends": "one\ntwo\r\nthree\rfour\n\n\nfive",
    "other line ends": "a\u2028b\u2029c\u0085d\x0be\x0cf",
    "blanks": "  two  blanks \t tab\u00a0hard\u3000wide ",
    "controls": "null \x00 bell \x07 escape \x1b delete \x7f",
    "quotes": "\"double\" 'single' \\ back\\\\slash \\u0041 </script>",
    "events": 'data: [DONE]\n\ndata: {"error": {}}\r\n\r\nevent: x\n: comment\nid: 1',
    "json": '{"a": [1, 2.50, null], "b": "c"}',
    "edges": "\ufeffbom \ufffd \uffff \U0010ffff \u200b",
    "long": "word " * 300 + "ü" * 3000,
}
every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


@every_text
async def test_openai_says_any_text_back(openai_client, text):
    completion = await completed(openai_client, messages=[user(text)])
    assert completion.choices[0].message.content == f"You said: {text}"


@every_text
@pytest.mark.parametrize("options", [{}, {"logprobs": True}], ids=["words", "tokens"])
async def test_openai_streams_any_text_whole(openai_client, text, options):
    pieces = [
        chunk.choices[0].delta.content or ""
        for chunk in await chunked(openai_client, messages=[user(text)], **options)
    ]
    assert "".join(pieces) == f"You said: {text}"


@every_text
async def test_openai_s_accumulating_stream_puts_any_text_together(openai_client, text):
    async with opened(openai_client.chat.completions.stream(model=GPT, messages=[user(text)])) as stream:
        completion = await settled(stream.get_final_completion())
    assert completion.choices[0].message.content == f"You said: {text}"


@every_text
async def test_google_says_any_text_back(google_client, text):
    response = await generated(google_client, text)
    assert response.text == f"You said: {text}"


@every_text
async def test_google_streams_any_text_whole(google_client, way, text):
    if text == TEXTS["other line ends"] and way in GOOGLE_LINE_ENDS:
        with pytest.raises(GOOGLE_LINE_ENDS[way]):
            await streamed(google_client, text)
        return
    assert "".join(chunk.text for chunk in await streamed(google_client, text)) == f"You said: {text}"
