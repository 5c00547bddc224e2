"""Answers in a form that the request describes."""

import enum
import json
from typing import Literal, Optional, Union

import jsonschema
import pytest
from pydantic import BaseModel, Field, RootModel

from sdk import collected, completed, hello, opened, settled


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
    mood: Literal["glad", "sad"]
    nickname: Optional[str]
    address: Address
    former: list[Address]


class Tree(BaseModel):
    value: int
    children: list["Tree"]
    parent: Optional["Tree"]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Zoo(BaseModel):
    animal: Union[Cat, Dog]
    others: list[Union[Dog, Cat, int]]


class Limits(BaseModel):
    percent: int = Field(ge=40, lt=60)
    ratio: float = Field(gt=0.5, le=0.75)
    step: int = Field(multiple_of=7)
    code: str = Field(pattern=r"^[a-f0-9]{8}$")
    word: str = Field(min_length=12, max_length=14)
    pair: list[int] = Field(min_length=2, max_length=2)


MODELS = [Person, Tree, Zoo, Limits]


@pytest.mark.parametrize("model", MODELS)
async def test_a_model_is_filled(openai_client, model):
    completion = await settled(openai_client.chat.completions.parse(**hello(response_format=model)))
    message = completion.choices[0].message
    assert isinstance(message.parsed, model)
    assert model.model_validate_json(message.content) == message.parsed


@pytest.mark.parametrize("model", MODELS)
async def test_a_model_is_filled_in_a_stream(openai_client, model):
    async with opened(openai_client.chat.completions.stream(**hello(response_format=model))) as stream:
        events = await collected(stream)
        completion = await settled(stream.get_final_completion())
    assert isinstance(completion.choices[0].message.parsed, model)
    assert [event.parsed for event in events if event.type == "content.done"] == [
        completion.choices[0].message.parsed
    ]


async def test_what_is_filled_in_is_the_same_every_time(openai_client):
    first = await settled(openai_client.chat.completions.parse(**hello(response_format=Person)))
    second = await settled(openai_client.chat.completions.parse(**hello(response_format=Person, n=2)))
    contents = [choice.message.content for choice in first.choices + second.choices]
    assert len(contents) == 3 and len(set(contents)) == 1


class Shelf(RootModel):
    root: dict[str, list[Address]]


SCHEMAS = {
    "maps": Shelf.model_json_schema(),
    "one of": {"type": "object", "properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]}}},
    "not": {"type": "object", "required": ["x"], "properties": {"x": {"not": {"type": "string"}}}},
    "all of": {
        "allOf": [{"$ref": "#/$defs/a"}, {"required": ["b"]}],
        "$defs": {
            "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
            "b": {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "string"}},
        },
    },
    "itself": {
        "type": "object",
        "properties": {"self": {"$ref": "#"}, "tag": {"const": 5}},
        "required": ["tag"],
    },
    "conditions": {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["size"], "properties": {"size": {"type": "integer", "minimum": 10}}},
    },
    "formats": {
        "type": "object",
        "properties": {
            name: {"type": "string", "format": name} for name in ["date", "email", "ipv4", "uuid"]
        },
        "required": ["date", "email", "ipv4", "uuid"],
    },
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
async def test_a_schema_by_hand_is_obeyed(openai_client, schema):
    wanted = {"type": "json_schema", "json_schema": {"name": "wanted", "schema": schema, "strict": False}}
    completion = await completed(openai_client, response_format=wanted)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(json.loads(completion.choices[0].message.content), schema, format_checker=checker)


async def test_any_object_says_back_the_prompt(openai_client):
    completion = await completed(openai_client, response_format={"type": "json_object"})
    assert json.loads(completion.choices[0].message.content) == {"answer": "You said: Hello"}


async def test_text_may_be_asked_for_by_name(openai_client):
    completion = await completed(openai_client, response_format={"type": "text"})
    assert completion.choices[0].message.content == "You said: Hello"
