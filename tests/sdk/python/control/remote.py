"""A server and its own endpoints, as a program talks to them."""

import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

import description

PATIENCE = 10


class Remote:
    """A server, asked about itself. What it says is held against the description."""

    def __init__(self, server, session=None, **headers):
        self.server = server
        self.url = server.url
        self.prefix = f"/s/{session}" if session else ""
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.client = requests.Session()

    def of(self, session):
        """The same server, each request being a session's by its path."""
        return Remote(self.server, session, **self.headers)

    def ask(self, method, path, headers=None, described=True, **options):
        """The answer of an endpoint."""
        headers = {**self.headers, **(headers or {})}
        url = f"{self.url}{self.prefix}/__mynah/{path}"
        response = self.client.request(method, url, headers=headers, timeout=PATIENCE, **options)
        if described:
            description.check(response)
        return response

    def get(self, path, **params):
        """What an endpoint says, where all is well."""
        return well(self.ask("GET", path, params=params))

    def put(self, path, body=None, **params):
        return well(self.ask("PUT", path, params=params, **sent(body)))

    def post(self, path, body=None, **params):
        return well(self.ask("POST", path, params=params, **sent(body)))

    def delete(self, path):
        return well(self.ask("DELETE", path))

    def refusal(self, method, path, body=None, code=400, described=True, **params):
        """Why an endpoint does not do what it is asked."""
        response = self.ask(method, path, described=described, params=params, **sent(body))
        assert response.status_code == code, response.text
        return response.json()["error"]["message"]

    def call(self, path="/v1/chat/completions", method="POST", headers=None, **options):
        """Makes a call of an API, as a client would."""
        if method == "POST" and not options:
            options = {"json": chat("Hello")}
        url = f"{self.url}{self.prefix}{path}"
        return self.client.request(method, url, headers=headers, timeout=PATIENCE, **options)

    def say(self, prompt):
        """What the model says to a prompt."""
        response = self.call(json=chat(prompt))
        return response.json()["choices"][0]["message"]["content"] if response.ok else response.status_code

    @contextlib.contextmanager
    def calling(self, prompt):
        """A call whose answer has begun, and of which no more is read."""
        body = chat(prompt, stream=True)
        url = f"{self.url}{self.prefix}/v1/chat/completions"
        with self.client.post(url, json=body, stream=True, timeout=PATIENCE) as response:
            yield response

    def entries(self, **filters):
        return self.get("journal", **filters)["entries"]

    def wait(self, **filters):
        """Waits for an entry: a client has its answer a moment before the server has ended with it."""
        give_up = time.monotonic() + PATIENCE
        while not (found := self.entries(**filters)):
            assert time.monotonic() < give_up, filters
            time.sleep(0.005)
        return found

    def scenarios(self):
        return [scenario["name"] for scenario in self.get("scenarios")["scenarios"]]

    @contextlib.contextmanager
    def follow(self, path="events", **headers):
        """The events of a stream, as they come."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        try:
            headers = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request("GET", f"{self.prefix}/__mynah/{path}", headers=headers)
            response = connection.getresponse()
            assert (response.status, response.getheader("content-type")) == (200, "text/event-stream")
            yield events(response)
        finally:
            connection.close()


@dataclass
class Event:
    kind: str
    id: int
    entry: dict


def events(stream):
    """Reads server-sent events until there are no more."""
    fields = {}
    while line := stream.readline().decode():
        if line == "\n":
            if fields:
                yield Event(fields["event"], int(fields["id"]), json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, value = line.rstrip("\n").split(": ", 1)
            fields[name] = value


def well(response):
    assert response.ok, response.text
    return response.json()


def sent(body):
    """A body as `requests` takes it: texts as YAML, all else as JSON."""
    if isinstance(body, str):
        return {"data": body.encode(), "headers": {"content-type": "application/yaml"}}
    return {} if body is None else {"json": body}


def chat(prompt, **options):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}


def numbers(entries):
    return [entry["seq"] for entry in entries]
