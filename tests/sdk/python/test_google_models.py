"""Gemini's list of models, page by page."""

import pytest
from google.genai import errors

from sdk import GEMINI, collected, settled, told


async def names(client, **config):
    return [model.name for model in await collected(client.models.list(config=config))]


async def test_models_are_listed(google_client):
    listed = await names(google_client)
    assert {"models/gemini-2.5-pro", "models/gemini-2.5-flash", "models/gemini-embedding-001"} <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_pages_put_together_are_the_list(google_client, size):
    assert await names(google_client, page_size=size) == await names(google_client)


async def test_a_page_has_no_more_than_was_asked_for(google_client):
    pager = await settled(google_client.models.list(config={"page_size": 2}))
    seen = []
    pages = 0
    while True:
        assert 1 <= len(pager.page) <= 2
        seen += [model.name for model in pager.page]
        pages += 1
        try:
            await settled(pager.next_page())
        except IndexError:
            break
    assert seen == await names(google_client)
    assert pages == (len(seen) + 1) // 2


async def test_a_page_is_followed_by_the_one_that_its_token_names(google_client):
    pager = await settled(google_client.models.list(config={"page_size": 2}))
    token = pager.config["page_token"]
    assert token
    following = await settled(google_client.models.list(config={"page_size": 2, "page_token": token}))
    assert [model.name for model in following.page] == (await names(google_client))[2:4]


async def test_a_model_is_described(google_client):
    model = await settled(google_client.models.get(model=GEMINI))
    assert (model.name, model.display_name) == (f"models/{GEMINI}", "Gemini 2.5 Flash")
    assert (model.input_token_limit, model.output_token_limit) == (1_048_576, 65_536)
    assert {"generateContent", "countTokens"} <= set(model.supported_actions)
    assert model.thinking is True
    assert (model.temperature, model.max_temperature, model.top_k) == (1, 2, 64)


async def test_a_model_is_described_as_in_the_list(google_client):
    for listed in await collected(google_client.models.list()):
        assert await settled(google_client.models.get(model=listed.name)) == listed


@pytest.mark.parametrize("name", ["unheard-of", "vendor/model", "gemini:free"])
async def test_any_model_can_be_described(google_client, name):
    assert (await settled(google_client.models.get(model=name))).name == f"models/{name}"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"page_token": "nonsense"}, "Invalid page token."),
        ({"page_size": -1}, "Invalid value at 'page_size' (TYPE_INT32), \"-1\""),
    ],
)
async def test_bad_paging_is_refused(google_client, config, message):
    with pytest.raises(errors.ClientError) as raised:
        await names(google_client, **config)
    error = told(raised.value)
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
