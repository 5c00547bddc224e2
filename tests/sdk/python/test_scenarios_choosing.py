"""Shipped scenarios that teach which stub answers, and which of its replies."""

import openai
import pytest
from google.genai import errors

from scenarios import pieces, said
from sdk import GEMINI, user


def test_hello_is_said_to_everybody(scene):
    hello = scene("01-hello")
    assert said(hello.ask_openai("What?")) == "Hello!"
    assert "".join(pieces(hello.stream_openai())) == "Hello!"
    assert hello.ask_gemini("What?").text == "Hello!"
    assert "".join(pieces(hello.stream_gemini())) == "Hello!"


def test_usage_and_finish_are_those_of_an_answer(scene):
    hello = scene("01-hello")
    completion = hello.ask_openai("Hello you")
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 1)
    assert completion.choices[0].finish_reason == "stop"
    response = hello.ask_gemini("Hello you")
    usage = response.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (2, 1, 3)
    assert response.candidates[0].finish_reason == "STOP"


@pytest.mark.parametrize(
    ("prompt", "by_openai", "by_gemini"),
    [
        ("ping", "pong", "pong"),
        ("Hi, who are you?", "I am GPT.", "I am Gemini."),
        ("Bonjour à tous", "Bonjour !", "Bonjour !"),
        ("SALUT", "Bonjour !", "Bonjour !"),
    ],
)
def test_a_prompt_picks_the_answer(scene, prompt, by_openai, by_gemini):
    prompts = scene("02-prompts")
    assert said(prompts.ask_openai(prompt)) == by_openai
    assert prompts.ask_gemini(prompt).text == by_gemini


def test_either_of_two_conditions_suffices(scene):
    prompts = scene("02-prompts")
    pirate = [{"role": "system", "content": "You are a pirate."}, user("Hello")]
    assert said(prompts.ask_openai(pirate)) == "Arr!"
    assert said(prompts.ask_openai(default_headers={"X-Mood": "jolly"})) == "Arr!"
    assert prompts.ask_gemini(system_instruction="You are a pirate.").text == "Arr!"
    assert prompts.ask_gemini(headers={"X-Mood": "jolly"}).text == "Arr!"


def test_a_miss_tells_the_nearest_stub(scene):
    prompts = scene("02-prompts")
    with pytest.raises(openai.NotFoundError) as at_openai:
        prompts.ask_openai("pong", max_retries=2)
    assert at_openai.value.code == "mynah_no_stub_matches"
    with pytest.raises(errors.ClientError) as at_gemini:
        prompts.ask_gemini("pong")
    assert at_gemini.value.code == 404
    for message in (str(at_openai.value), at_gemini.value.message):
        assert "02-prompts.yaml" in message
        assert '"ping"' in message and '"pong"' in message


def test_an_echo_takes_texts_from_the_request(scene):
    echo = scene("03-echo")
    assert said(echo.ask_openai("Hi there")) == "You wrote: Hi there"
    assert echo.ask_gemini("Hi there").text == "You wrote: Hi there"
    assert said(echo.ask_openai("What is my name?", user="Ada")) == "You are Ada."
    assert pieces(echo.stream_openai("What is my name?", user="Ada")) == ["You are ", "Ada", "."]


def test_a_filling_has_its_size(scene):
    echo = scene("03-echo")
    assert len(said(echo.ask_openai("Say a lot"))) == 10_000
    assert len("".join(pieces(echo.stream_gemini("Say a lot")))) == 10_000


def test_a_cycle_goes_round(scene):
    lists = scene("07-lists")
    lights = [said(lists.ask_openai("traffic light")) for _ in range(4)]
    lights += [lists.ask_gemini("traffic light").text for _ in range(3)]
    assert lights == ["green", "amber", "red", "green", "amber", "red", "green"]


def test_sessions_do_not_see_each_other(scene):
    one, other = scene("07-lists"), scene("07-lists")
    assert said(one.ask_openai("traffic light")) == "green"
    assert said(one.ask_openai("traffic light")) == "amber"
    assert said(other.ask_openai("traffic light")) == "green"


@pytest.mark.parametrize("is_openai", [True, False])
def test_each_key_has_two_samples(scene, is_openai):
    lists = scene("07-lists")

    def sample(key):
        try:
            if is_openai:
                return said(lists.ask_openai("free sample", api_key=key))
            return lists.ask_gemini("free sample", key=key).text
        except (openai.RateLimitError, errors.ClientError) as error:
            return str(error)

    ann = [sample("key-ann") for _ in range(3)]
    assert ann[:2] == ["Here you are."] * 2
    assert "429" in ann[2] and "Two are enough." in ann[2]
    assert sample("key-bob") == "Here you are."


def test_every_third_request_is_another(scene):
    lists = scene("07-lists")
    assert [said(lists.ask_openai("coin")) for _ in range(6)] == ["heads", "heads", "tails"] * 2


def test_each_tenant_has_answers_of_its_own(scene):
    tenants = scene("16-tenants")

    def ask_both(tenant):
        headers = {"X-Tenant": tenant}
        return [
            said(tenants.ask_openai(default_headers=headers)),
            tenants.ask_gemini(headers=headers).text,
        ]

    assert ask_both("acme") == ["Acme's answer."] * 2
    assert ask_both("trial-1") == ["A trial answer."] * 2
    with pytest.raises(openai.RateLimitError, match="Your trial is over."):
        ask_both("trial-1")
    assert ask_both("trial-2") == ["A trial answer."] * 2


def test_strangers_among_tenants_are_refused(scene):
    tenants = scene("16-tenants")
    with pytest.raises(openai.PermissionDeniedError, match="This tenant is not known."):
        tenants.ask_openai(default_headers={"x-tenant": "nobody"})
    with pytest.raises(openai.BadRequestError, match="x-tenant is missing."):
        tenants.ask_openai()
    with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED.*This tenant is not known."):
        tenants.ask_gemini(headers={"x-tenant": "nobody"})
    with pytest.raises(errors.ClientError, match="400 INVALID_ARGUMENT.*x-tenant is missing."):
        tenants.ask_gemini()


def test_a_key_opens_or_does_not(scene):
    keys = scene("17-keys")
    assert said(keys.ask_openai(api_key="sk-good")) == "Welcome."
    assert keys.ask_gemini(key="AIza-good").text == "Welcome."
    with pytest.raises(openai.AuthenticationError) as raised:
        keys.ask_openai(api_key="sk-bad")
    assert raised.value.code == "invalid_api_key"
    with pytest.raises(openai.APIStatusError) as raised:
        keys.ask_openai(api_key="sk-poor")
    assert raised.value.status_code == 402
    for key, code in (("AIza-bad", 401), ("AIza-poor", 402)):
        with pytest.raises(errors.ClientError) as raised:
            keys.ask_gemini(key=key)
        assert raised.value.code == code


def test_an_order_goes_step_by_step(scene):
    order = scene("18-states")
    steps = ["pay", "buy tea", "buy milk", "pay", "pay", "buy more"]
    assert [said(order.ask_openai(step)) for step in steps] == [
        "There is nothing to pay.",
        "Added.",
        "Added.",
        "Paid.",
        "There is nothing to pay.",
        "This order is closed.",
    ]


def test_an_order_of_one_provider_is_paid_at_the_other(scene):
    order = scene("18-states")
    assert order.ask_gemini("buy tea").text == "Added."
    assert said(order.ask_openai("pay")) == "Paid."
    assert scene("18-states").ask_gemini("pay").text == "There is nothing to pay."


def test_a_conversation_has_its_turns(scene):
    conversation = scene("19-conversation")
    messages = []
    for prompt, answer in [
        ("Hi", "What is your name?"),
        ("Ada", "Hello, Ada!"),
        ("And you?", "We have talked enough."),
        ("Really?", "We have talked enough."),
    ]:
        messages.append(user(prompt))
        assert said(conversation.ask_openai(messages)) == answer
        messages.append({"role": "assistant", "content": answer})


def test_a_chat_of_gemini_s_sdk_has_the_same_turns(scene):
    chat = scene("19-conversation").gemini().chats.create(model=GEMINI)
    answers = [chat.send_message(prompt).text for prompt in ("Hi", "Ada", "And you?")]
    assert answers == ["What is your name?", "Hello, Ada!", "We have talked enough."]


def test_the_system_s_word_comes_first(scene):
    conversation = scene("19-conversation")
    assert said(conversation.ask_openai([{"role": "system", "content": "Be TERSE."}, user("Hi")])) == "Yes."
    assert conversation.ask_gemini("Hi", system_instruction="Be terse.").text == "Yes."


def test_unknown_models_are_not_found(scene):
    models = scene("24-models")
    assert said(models.ask_openai(model="gpt-4o-mini")) == "I am known."
    assert models.ask_gemini(model="gemini-2.5-flash").text == "I am known."
    with pytest.raises(openai.NotFoundError) as raised:
        models.ask_openai(model="gpt-3")
    assert raised.value.code == "model_not_found"
    with pytest.raises(errors.ClientError) as raised:
        models.ask_gemini(model="gemini-1.0-pro")
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
    assert "models/gemini-1.0-pro is not found" in raised.value.message


def test_known_models_are_listed(scene):
    models = scene("24-models")
    known = ["gpt-4o", "gpt-4o-mini", "gemini-2.5-flash"]
    at_openai, at_gemini = models.openai(), models.gemini()
    assert [model.id for model in at_openai.models.list()] == known
    assert [model.name for model in at_gemini.models.list()] == [f"models/{name}" for name in known]
    assert at_openai.models.retrieve("gpt-4o").id == "gpt-4o"
    assert at_gemini.models.get(model="gemini-2.5-flash").name == "models/gemini-2.5-flash"
    with pytest.raises(openai.NotFoundError):
        at_openai.models.retrieve("gpt-3")
    with pytest.raises(errors.ClientError, match="404 NOT_FOUND"):
        at_gemini.models.get(model="gemini-1.0-pro")


def test_tokens_are_counted_as_told(scene):
    client = scene("25-counting").gemini()

    def counted(contents):
        return client.models.count_tokens(model=GEMINI, contents=contents).total_tokens

    assert [counted(contents) for contents in ("The whole book", "Two words")] == [1_000_000, 2]
    with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
        counted("A secret")


def test_a_key_has_a_list_of_models_of_its_own(scene):
    counting = scene("25-counting")
    listed = [model.id for model in counting.openai(api_key="trial").models.list()]
    assert listed == ["gpt-4o-mini", "gemini-2.5-flash-lite"]
    assert [model.name for model in counting.gemini("trial").models.list()] == [
        f"models/{name}" for name in listed
    ]
    assert len(list(counting.openai(api_key="other").models.list())) > 2
    with pytest.raises(openai.PermissionDeniedError):
        counting.openai(api_key="revoked").models.list()
    with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
        counting.gemini("revoked").models.list()


def test_pieces_are_used_more_than_once(scene):
    shared = scene("31-pieces")
    assert said(shared.ask_openai(model="gpt-4o")) == "I am quick."
    assert "".join(pieces(shared.stream_gemini())) == "I am slow."
    for model, code in (("gpt-4", 402), ("gpt-5", 403)):
        with pytest.raises(openai.APIStatusError, match="Your account is empty.") as raised:
            shared.ask_openai(model=model)
        assert raised.value.status_code == code
