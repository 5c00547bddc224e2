"""The list of models, on a path that both providers have."""

import openai
import pytest

from sdk import collected, settled


async def test_models_are_listed(openai_client):
    models = await collected(openai_client.models.list())
    assert {"gpt-5", "gpt-4o", "gpt-4o-mini"} <= {model.id for model in models}
    assert len({model.id for model in models}) == len(models)
    assert all(model.object == "model" and model.owned_by == "system" for model in models)
    assert all(model.created > 1_600_000_000 for model in models)


async def test_the_list_is_in_one_piece(openai_client):
    page = await settled(openai_client.models.list())
    assert page.object == "list"
    assert page.has_next_page() is False


async def test_a_listed_model_is_described_as_in_the_list(openai_client):
    listed = (await collected(openai_client.models.list()))[0]
    assert await settled(openai_client.models.retrieve(listed.id)) == listed


@pytest.mark.parametrize("name", ["unheard-of", "vendor/model", "ft:gpt-4o:acme::1"])
async def test_any_model_can_be_described(openai_client, name):
    model = await settled(openai_client.models.retrieve(name))
    assert (model.id, model.object) == (name, "model")


async def test_callers_of_the_shared_path_are_told_apart(openai_client, google_at, server):
    google = google_at(server.url, api_version="v1")
    for_openai = {model.id for model in await collected(openai_client.models.list())}
    for_google = {model.name for model in await collected(google.models.list())}
    assert "gpt-4o" in for_openai and not any("gemini" in name for name in for_openai)
    assert "models/gemini-2.5-flash" in for_google and not any("gpt" in name for name in for_google)


async def test_callers_of_one_shared_model_are_told_apart(openai_client, google_at, server):
    google = google_at(server.url, api_version="v1")
    assert (await settled(openai_client.models.retrieve("gpt-4o"))).object == "model"
    model = await settled(google.models.get(model="gpt-4o"))
    assert model.name == "models/gpt-4o" and model.input_token_limit > 0


async def test_the_list_cannot_be_posted_to(openai_client):
    with pytest.raises(openai.APIStatusError) as raised:
        await settled(openai_client.post("/models", cast_to=object, body={}))
    assert raised.value.status_code == 405
