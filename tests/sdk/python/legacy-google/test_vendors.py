"""The examples of gateways' pages for Google's SDK of old, which lie in `tests/sdk/vendors`.

They are run as they are written but for the host, and what the pages leave out:
- without `transport="rest"` the SDK speaks gRPC over TLS, to no server of HTTP;
- the second example stands for itself, and has a word in the place of its picture.
"""

import base64

import google.generativeai as genai

import vendors

REST = ('client_options={"api_endpoint"', 'transport="rest", client_options={"api_endpoint"')


def executed(name, url, *changes, **names):
    source = vendors.example(name, url)
    for old, new in changes:
        assert source.count(old) == 1
        source = source.replace(old, new)
    exec(compile(source, name, "exec"), names)
    return names["response"]


def test_the_example_prints_the_answer(server, capsys):
    executed("tokencode/generate.py", server.url, REST)
    assert capsys.readouterr().out == "You said: Hello!\n"


def test_the_example_sends_a_picture(server):
    executed("tokencode/generate.py", server.url, REST)
    picture = base64.b64encode(b"\x89PNG").decode()
    response = executed("tokencode/image.py", server.url, ("<base64-encoded-image>", picture), genai=genai)
    assert response.text == "You said: Describe this image [image/png]"
