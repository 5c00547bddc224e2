"""Sends what a curl command line would, without curl: the few options that examples use."""

import base64
import http.client
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

FILE = re.compile(r"^(\w+)=\$\(base64 -w 0 (\S+)\)\n", re.MULTILINE)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.type = response.getheader("content-type")
        self.text = response.read().decode()


def run(command, folder=Path()):
    """The answer to a command; variables before it hold files of the folder."""
    for name, file in FILE.findall(command):
        content = base64.b64encode((folder / file).read_bytes()).decode()
        command = command.replace(f"${name}", content)
    [program, *arguments] = shlex.split(FILE.sub("", command).replace("\\\n", " "))
    assert program == "curl"
    return send(**request(arguments))


def request(arguments):
    url, method, body, headers = None, None, None, {}
    arguments = iter(arguments)
    for argument in arguments:
        match argument:
            case "-H" | "--header":
                name, value = next(arguments).split(": ", 1)
                headers[name] = value
            case "-d" | "--data" | "--data-raw":
                body = next(arguments)
            case "-X" | "--request":
                method = next(arguments)
            case "--location":
                pass
            case _:
                assert url is None and not argument.startswith("-"), argument
                url = argument
    return {
        "method": method or ("GET" if body is None else "POST"),
        "url": url,
        "body": body,
        "headers": headers,
    }


def send(method, url, body, headers):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # As curl calls itself and what it posts, unless told otherwise.
        usual = {"user-agent": "curl/8.15.0", "accept": "*/*"}
        if body is not None:
            usual["content-type"] = "application/x-www-form-urlencoded"
            body = body.encode()
        named = {name.lower() for name in headers}
        usual = {name: value for name, value in usual.items() if name not in named}
        connection.request(method, target, body, {**usual, **headers})
        return Answer(connection.getresponse())
    finally:
        connection.close()
