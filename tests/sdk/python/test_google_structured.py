"""Content in a form that the request describes."""

import enum
import json
from typing import Literal, Optional, Union

import jsonschema
import pytest
from pydantic import BaseModel, Field

from sdk import generated, streamed

JSON = "application/json"


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    age: float
    is_adult: bool
    colour: Colour
    nickname: Optional[str]
    address: Address
    former: list[Address]
    reach: Union[Address, int]


class Limits(BaseModel):
    percent: int = Field(ge=40, le=60)
    ratio: float = Field(ge=0.5, le=0.75)
    code: str = Field(pattern=r"^[a-f0-9]{8}$")
    word: str = Field(min_length=12, max_length=14)
    pair: list[int] = Field(min_length=2, max_length=2)


class Tree(BaseModel):
    value: int = Field(multiple_of=7, gt=7)
    children: list["Tree"]
    parent: Optional["Tree"]
    kind: Literal["oak", "elm"]
    sizes: dict[str, int]
    place: tuple[int, str]


@pytest.mark.parametrize("model", [Person, Limits])
async def test_a_model_is_filled(google_client, model):
    response = await generated(google_client, response_mime_type=JSON, response_schema=model)
    assert isinstance(response.parsed, model)
    assert list(json.loads(response.text)) == list(model.model_fields)


async def test_a_list_of_models_is_filled(google_client):
    response = await generated(google_client, response_mime_type=JSON, response_schema=list[Person])
    assert response.parsed and all(isinstance(person, Person) for person in response.parsed)


@pytest.mark.parametrize("kind", [int, float, bool, str])
async def test_a_plain_value_is_given(google_client, kind):
    assert isinstance(
        (await generated(google_client, response_mime_type=JSON, response_schema=kind)).parsed, kind
    )


@pytest.mark.parametrize("model", [Person, Limits, Tree])
async def test_a_json_schema_is_obeyed(google_client, model):
    schema = model.model_json_schema()
    response = await generated(google_client, response_mime_type=JSON, response_json_schema=schema)
    jsonschema.validate(json.loads(response.text), schema)
    assert model.model_validate_json(response.text)


async def test_a_schema_in_google_s_words_is_obeyed(google_client):
    schema = {
        "type": "OBJECT",
        "properties": {
            "b": {"type": "STRING", "enum": ["x", "y"]},
            "a": {"type": "ARRAY", "items": {"type": "INTEGER", "minimum": 5}, "min_items": 3},
            "c": {"type": "STRING", "format": "date-time"},
        },
        "required": ["a", "b", "c"],
        "property_ordering": ["c", "a", "b"],
    }
    answer = json.loads(
        (await generated(google_client, response_mime_type=JSON, response_schema=schema)).text
    )
    assert list(answer) == ["c", "a", "b"]
    assert answer["b"] == "x"
    assert len(answer["a"]) == 3 and min(answer["a"]) >= 5
    assert answer["c"] == "2026-01-01T00:00:00Z"


async def test_an_enum_is_given_bare(google_client):
    response = await generated(google_client, response_mime_type="text/x.enum", response_schema=Colour)
    assert (response.text, response.parsed) == ("red", Colour.RED)


async def test_an_enum_is_quoted_as_json(google_client):
    response = await generated(google_client, response_mime_type=JSON, response_schema=Colour)
    assert (response.text, response.parsed) == ('"red"', Colour.RED)


async def test_any_object_says_back_the_prompt(google_client):
    assert json.loads((await generated(google_client, response_mime_type=JSON)).text) == {
        "answer": "You said: Hello"
    }


async def test_a_streamed_instance_is_whole(google_client):
    config = {"response_mime_type": JSON, "response_schema": Person}
    text = "".join(chunk.text for chunk in await streamed(google_client, **config))
    assert text == (await generated(google_client, **config)).text


async def test_what_is_filled_in_is_the_same_every_time(google_client):
    texts = {
        (await generated(google_client, response_mime_type=JSON, response_schema=Person)).text
        for _ in range(3)
    }
    assert len(texts) == 1


async def test_a_cut_instance_cannot_be_parsed(google_client):
    response = await generated(
        google_client, response_mime_type=JSON, response_schema=Person, max_output_tokens=2
    )
    assert response.candidates[0].finish_reason == "MAX_TOKENS"
    assert response.parsed is None
