"""Texts that are judged."""

import openai
import pytest

from sdk import settled


async def judged(client, text, **options):
    return await settled(client.moderations.create(input=text, **options))


async def test_a_harmless_text_is_not_flagged(openai_client):
    moderation = await judged(openai_client, "Hello", model="omni-moderation-latest")
    assert moderation.id.startswith("modr-") and moderation.model.startswith("omni-moderation")
    [result] = moderation.results
    assert result.flagged is False
    assert not any(flag for flag in result.categories.model_dump().values())
    assert all(0 <= score < 0.5 for score in result.category_scores.model_dump().values())


async def test_a_violent_text_is_flagged(openai_client):
    [result] = (await judged(openai_client, "I will kill them")).results
    assert result.flagged is True
    assert result.categories.violence is True and result.categories.harassment is False
    assert result.category_scores.violence > result.category_scores.harassment


async def test_each_of_several_texts_has_a_result(openai_client):
    moderation = await judged(openai_client, ["Hello", "You idiot", "Hello"])
    assert [result.flagged for result in moderation.results] == [False, True, False]


async def test_parts_are_judged_together(openai_client):
    image = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}
    [result] = (await judged(openai_client, [{"type": "text", "text": "I will kill them"}, image])).results
    assert result.flagged is True
    assert result.category_applied_input_types.violence == ["text"]


async def test_a_mistake_is_refused(openai_client):
    with pytest.raises(openai.BadRequestError):
        await judged(openai_client, [5])
