"""A command is run against a server of its own, which then tells what the command did wrong."""

import json
import re
from xml.etree import ElementTree

import pytest

from claude import answered, texts
from judging import MET, NOT_MET, WRONG_FILES, command, python, written
from scenarios import said
from sdk import completed, generated

GREETING = """\
scenario: 1
name: greetings
stubs:
  - name: greeting
    when: {prompt: Hello}
    then: {text: Hello!}
    expect:
      requests: 1
      left: never
"""

# What is said in the end where two are asked for.
SUMMARY = "mynah: 1 expectation NOT met, 1 met; 2 requests in 2 calls, 0 unmatched"

# Asks for a chat completion as often as it is told to, with as little as it takes.
ASK = """
import json, os, sys, urllib.request

url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
for prompt in sys.argv[1:]:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        print(json.load(answer)["choices"][0]["message"]["content"])
"""


@pytest.fixture(scope="module")
def greeting(tmp_path_factory):
    return written(tmp_path_factory.mktemp("greeting"), "greetings.yaml", GREETING)


def ran(*words, code=ASK, asks=()):
    """A command under `mynah run`, which asks so."""
    return command("run", *words, "--", *python(code, *asks))


def test_a_command_that_does_as_expected_ends_well(greeting):
    run = ran(greeting, asks=["Hello"])
    assert (run.returncode, run.stdout) == (MET, "Hello!\n")
    assert run.stderr == "mynah: 2 expectations met; 1 request in 1 call, 0 unmatched\n"


def test_a_command_that_does_not_fails(greeting):
    run = ran(greeting, asks=["Hello", "Hello"])
    assert (run.returncode, run.stdout) == (NOT_MET, "Hello!\nHello!\n")
    assert run.stderr.startswith(
        f"NOT MET greetings/greeting: requests\n"
        f"  at        {greeting}:8\n"
        f"  expected  1 request\n"
        f"  happened  2 requests\n\n"
    )
    assert run.stderr.endswith(f"\n\n{SUMMARY}\n")


def test_a_command_that_asks_nothing_fails(greeting):
    run = ran(greeting)
    assert run.returncode == NOT_MET
    assert run.stderr.count("  happened  no request came that it is about\n") == 2


@pytest.mark.parametrize("asks", [[], ["Hello"]], ids=["not met", "met"])
def test_a_command_s_own_code_is_kept(greeting, asks):
    run = ran(greeting, code=f"{ASK}\nsys.exit(3)", asks=asks)
    assert run.returncode == 3
    assert ("NOT met" in run.stderr) == (not asks)


def test_a_signal_is_told_as_shells_do(greeting):
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert ran(greeting, code=killed).returncode == 128 + 15


def test_a_command_that_cannot_be_started_is_told(greeting):
    run = command("run", greeting, "--", "no-such-command")
    assert (run.returncode, run.stdout) == (127, "")
    assert run.stderr.startswith("mynah: cannot run no-such-command: ")


def test_what_a_command_prints_is_its_own(greeting):
    prints = "import sys; sys.stdout.buffer.write(b'one\\r\\n\\0two'); sys.stderr.write('three\\n')"
    run = ran(greeting, code=f"{ASK}\n{prints}", asks=["Hello"])
    assert run.stdout == "Hello!\none\r\n\0two"
    assert run.stderr == "three\nmynah: 2 expectations met; 1 request in 1 call, 0 unmatched\n"


def test_a_command_finds_its_server_by_the_variables_of_each_sdk(greeting, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-real-one")
    monkeypatch.setenv("NO_PROXY", "example.org")
    printed = ran(greeting, code="import json, os; print(json.dumps(dict(os.environ)))").stdout
    variables = json.loads(printed)
    url = variables["MYNAH_URL"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    expected = {
        "OPENAI_BASE_URL": f"{url}/v1",
        "GOOGLE_GEMINI_BASE_URL": url,
        "ANTHROPIC_BASE_URL": url,
        "NO_PROXY": "example.org,localhost,127.0.0.1",
    }
    assert {name: variables[name] for name in expected} == expected
    assert "sk-of-the-real-one" not in printed


def test_the_key_that_is_accepted_is_the_command_s(greeting):
    run = ran(greeting, "--api-key", "sk-just-this-one", asks=["Hello"])
    assert (run.returncode, run.stdout) == (MET, "Hello!\n")


# --- What is expected of a whole run

ORDER = """\
scenario: 1
stubs:
  - {name: first, when: {prompt: first}, then: {text: one}}
  - {name: second, when: {prompt: second}, then: {text: two}}
expect:
  requests: 3
  calls: 3
  concurrent: 1
  unmatched: 0
  unused: 0
  order: [first, second]
"""


def test_a_run_in_order_is_well(tmp_path):
    run = ran(written(tmp_path, "order.yaml", ORDER), asks=["first", "first", "second"])
    assert run.returncode == MET, run.stderr


@pytest.mark.parametrize(
    ("asks", "wrong"),
    [
        (["second", "first", "first"], {"order": "second, then first"}),
        (["first", "second", "first"], {"order": "first, then second, then first"}),
        (["first", "first", "first"], {"order": "first", "unused": "1: order/second"}),
        (["first", "second"], {"requests": "2", "calls": "2"}),
        (["second"], {"requests": "1", "calls": "1", "order": "second", "unused": "1: order/first"}),
    ],
    ids=["turned round", "again", "the first alone", "too few", "the last alone"],
)
def test_a_run_out_of_order_is_told(tmp_path, asks, wrong):
    report = tmp_path / "report.json"
    run = ran(written(tmp_path, "order.yaml", ORDER), "--report", f"json={report}", asks=asks)
    told = json.loads(report.read_text())
    failed = {one["key"]: one["happened"] for one in told["expectations"] if not one["passed"]}
    assert (run.returncode, failed) == (NOT_MET, wrong)


def test_a_request_that_nobody_answers_is_told(tmp_path):
    file = written(tmp_path, "order.yaml", ORDER)
    code = f"try:\n    exec({ASK!r})\nexcept Exception as error:\n    print(error.code)"
    run = ran(file, code=code, asks=["first", "first", "second", "third"])
    assert (run.returncode, run.stdout) == (NOT_MET, "one\none\ntwo\n404\n")
    assert "NOT MET order: unmatched\n" in run.stderr
    assert re.search(rf'the nearest is "\w+" \({file}:\d\), but\n', run.stderr)


# --- When the client left

HELD = """\
scenario: 1
stubs:
  - name: held
    then: {text: [One, two], wire: {end: {after: text.1, hold: forever}}}
    expect: {left: %s, requests: 1}
"""

# It asks for a stream, and ends in the midst of it without a word.
ENDS = """
import json, os, urllib.request

body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
headers = {"content-type": "application/json"}
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
stream = urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers))
stream.read(5)
os._exit(0)
"""


def test_a_command_that_ends_has_left(tmp_path):
    run = ran(written(tmp_path, "held.yaml", HELD % "..5s"), code=ENDS)
    assert run.returncode == MET, run.stderr
    run = ran(written(tmp_path, "held.yaml", HELD % "never"), code=ENDS)
    assert run.returncode == NOT_MET
    assert re.search(
        r"  happened  request 1 was left [\d.]+ u?s after the last byte, with \d+ bytes sent\n", run.stderr
    )


# --- In what attempts differ

CHANGING = """
import http.client, json, os, urllib.parse

url = urllib.parse.urlsplit(os.environ["MYNAH_URL"])
for count in range(2):
    connection = http.client.HTTPConnection(url.hostname, url.port)
    body = {"model": "gpt-4o", "temperature": count, "messages": [{"role": "user", "content": "Hello"}]}
    key = "sk-" + "0123456789abcdef"[count] * 30
    headers = {"authorization": "Bearer " + key, "x-stainless-retry-count": str(count)}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    print(connection.getresponse().status)
"""


@pytest.mark.parametrize(
    ("same", "happened"),
    [
        ("body", "the body of request 2 is not that of request 1\n            $.temperature: 0 became 1"),
        ("key", "the key of request 2 is not that of request 1"),
        ("authorization", "`authorization` of request 2 is not that of request 1"),
    ],
    ids=["body", "key", "header"],
)
def test_attempts_that_differ_are_told_without_the_key(tmp_path, same, happened):
    file = written(
        tmp_path,
        "changing.yaml",
        f"{{scenario: 1, stubs: {{per: call, then: [{{error: 503}}, {{text: Hi}}],"
        f" expect: {{attempts: 2, connections: 2, same: {same}}}}}}}",
    )
    run = ran(file, code=CHANGING)
    assert (run.returncode, run.stdout) == (NOT_MET, "503\n200\n")
    assert f"  happened  {happened}\n" in run.stderr
    assert "1 expectation NOT met, 2 met" in run.stderr and "sk-0" not in run.stderr


# --- Reports


@pytest.fixture(scope="module")
def reports(tmp_path_factory, greeting):
    """The reports in all formats on something that is not as expected, in files."""
    folder = tmp_path_factory.mktemp("reports")
    formats = ("json", "junit", "github", "text")
    flags = [flag for name in formats for flag in ("--report", f"{name}={folder / name}")]
    run = ran(greeting, *flags, asks=["Hello", "Hello"])
    assert run.returncode == NOT_MET
    # Where all goes to files, the sum is told still.
    assert run.stderr == SUMMARY + "\n"
    return {name: (folder / name).read_text("utf-8") for name in formats}


def test_a_report_is_json(reports, greeting):
    report = json.loads(reports["json"])
    assert (report["passed"], report["requests"], report["calls"]) == (False, 2, 2)
    wrong, right = report["expectations"]
    assert [attempt["status"] for attempt in wrong.pop("attempts")] == [200, 200]
    about = {"about": "greetings/greeting", "file": str(greeting), "session": ""}
    assert wrong == {
        **about,
        "key": "requests",
        "line": 8,
        "passed": False,
        "expected": "1 request",
        "happened": "2 requests",
    }
    assert (right["key"], right["line"], right["passed"]) == ("left", 9, True)
    assert report["summary"] == SUMMARY


def test_a_report_is_junit_s(reports, greeting):
    suites = ElementTree.fromstring(reports["junit"])
    assert (suites.tag, suites.attrib) == ("testsuites", {"tests": "2", "failures": "1"})
    wrong, right = suites.findall("testsuite/testcase")
    assert wrong.attrib == {
        "classname": "greetings/greeting",
        "name": "requests",
        "file": str(greeting),
        "line": "8",
    }
    [failure] = wrong
    assert failure.get("message") == "expected 1 request; happened: 2 requests"
    assert failure.text.startswith("NOT MET greetings/greeting: requests\n")
    assert right.get("name") == "left" and not list(right)
    assert suites.findtext("testsuite/system-out") == SUMMARY


def test_a_report_is_github_s(reports, greeting):
    assert reports["github"] == (
        f"::error file={greeting},line=8,title=mynah%3A greetings/greeting requests::"
        "expected 1 request; happened: 2 requests\n"
    )


def test_a_report_is_text(reports):
    assert reports["text"].startswith("NOT MET greetings/greeting: requests\n")
    assert reports["text"].endswith(f"\n\n{SUMMARY}\n")


def test_a_report_without_a_file_goes_to_standard_error(greeting):
    run = ran(greeting, "--report", "github", asks=["Hello", "Hello"])
    assert run.stdout == "Hello!\nHello!\n"
    error, summary = run.stderr.splitlines()
    assert error.startswith(f"::error file={greeting},line=8,") and summary == SUMMARY


def test_a_format_that_is_misspelled_is_refused(greeting):
    run = ran(greeting, "--report", "junti", asks=["Hello"])
    assert (run.returncode, run.stdout) == (2, "")
    assert "did you mean junit?" in run.stderr


# --- Expectations that are wrong

MISSPELLED = """\
expectations: 1
checks:
  - stub: greeting
    expect:
      atempts: 3
"""


def test_a_key_that_is_misspelled_is_told_before_anything_runs(tmp_path, greeting):
    file = written(tmp_path, "more.yaml", MISSPELLED)
    run = ran(greeting, "--expect", file, code="print('started')")
    assert (run.returncode, run.stdout) == (WRONG_FILES, "")
    assert run.stderr.startswith(
        f"error: unknown key `atempts`, did you mean `attempts`?\n  --> {file}:5:7\n"
    )


def test_a_stub_that_is_misspelled_is_told(tmp_path, greeting):
    file = written(tmp_path, "more.yaml", "{expectations: 1, checks: {stub: greting, expect: {calls: 1}}}")
    run = ran(greeting, "--expect", file, code="print('started')")
    assert (run.returncode, run.stdout) == (WRONG_FILES, "")
    assert 'no stub is called "greting", did you mean "greeting"?' in run.stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("{gaps: 3}", "expected a range of durations"),
        ("{left: soon}", "expected `never` or a range of durations"),
        ("{retry_after: obey}", "unknown word `obey`, did you mean `obeyed`?"),
        ("{requests: many}", "expected a whole number, or a range such as 2.., ..5 or 1..3"),
    ],
)
def test_a_value_that_is_wrong_is_told(tmp_path, greeting, wrong, told):
    file = written(tmp_path, "more.yaml", f"expectations: 1\nchecks:\n  - expect: {wrong}\n")
    run = ran(greeting, "--expect", file, code="print('started')")
    assert (run.returncode, run.stdout) == (WRONG_FILES, "")
    assert told in run.stderr and f"  --> {file}:3:" in run.stderr


# --- A server that runs elsewhere, and is asked


def verified(url, *flags):
    return command("verify", url, *flags)


async def test_a_running_server_judges_what_was_done_so_far(openai_at, serve, greeting):
    server = serve(greeting)
    assert verified(server.url).returncode == NOT_MET
    assert said(await completed(openai_at(server.url))) == "Hello!"
    run = verified(server.url)
    assert run.returncode == MET
    assert run.stdout == "mynah: 2 expectations met; 1 request in 1 call, 0 unmatched\n"
    await completed(openai_at(server.url))
    run = verified(server.url)
    assert run.returncode == NOT_MET
    assert run.stdout.startswith("NOT MET greetings/greeting: requests\n")


async def test_a_file_adds_what_is_expected(anthropic_at, serve, greeting, tmp_path):
    server = serve(greeting)
    assert texts(await answered(anthropic_at(server.url))) == ["Hello!"]
    check = "{expectations: 1, checks: {name: %s, when: {api: anthropic}, expect: {attempts: %s}}}"
    right = written(tmp_path, "right.yaml", check % ("right", 1))
    wrong = written(tmp_path, "wrong.yaml", check % ("wrong", 3))
    assert verified(server.url, "--expect", right).returncode == MET
    run = verified(server.url, "--expect", wrong)
    assert run.returncode == NOT_MET
    assert run.stdout.startswith(f"NOT MET wrong: attempts\n  at        {wrong}:1\n")


def test_what_cannot_be_expected_is_told_by_verify_too(serve, greeting, tmp_path):
    file = written(tmp_path, "more.yaml", MISSPELLED)
    run = verified(serve(greeting).url, "--expect", file)
    assert (run.returncode, run.stdout) == (WRONG_FILES, "")
    assert f"  --> {file}:5:7\n" in run.stderr and "did you mean `attempts`?" in run.stderr


async def test_sessions_are_judged_apart(openai_at, google_at, anthropic_at, serve, greeting, tmp_path):
    server = serve(greeting)
    at = {name: f"{server.url}/s/{name}" for name in ("one", "two", "three")}
    answers = (
        said(await completed(openai_at(at["one"]))),
        (await generated(google_at(at["two"]))).text,
        *texts(await answered(anthropic_at(at["three"]))),
    )
    assert answers == ("Hello!",) * 3
    # Each of them asked once.
    run = verified(server.url)
    assert run.returncode == MET
    assert run.stdout == "mynah: 6 expectations met; 3 requests in 3 calls, 3 sessions, 0 unmatched\n"
    await generated(google_at(at["two"]))
    report = tmp_path / "report.json"
    run = verified(server.url, "--report", "text", "--report", f"json={report}")
    assert run.returncode == NOT_MET
    assert run.stdout.startswith("NOT MET greetings/greeting: requests in session two\n")
    told = json.loads(report.read_text())["expectations"]
    assert [one["session"] for one in told if not one["passed"]] == ["two"]
    codes = {name: verified(server.url, "--session", name).returncode for name in at}
    assert codes == {"one": MET, "two": NOT_MET, "three": MET}


async def test_a_client_that_stays_has_not_left(openai_at, serve, tmp_path):
    file = written(
        tmp_path, "left.yaml", "{scenario: 1, stubs: {then: {text: Hello!}, expect: {left: ..5s}}}"
    )
    server = serve(file)
    await completed(openai_at(server.url))
    run = verified(server.url)
    assert run.returncode == NOT_MET
    assert (
        "  expected  to leave 0.000 s to 5.000 s after the last byte (give or take 0.010 s)\n"
        "  happened  the client took the answer of request 1 to its end, and kept the connection\n"
    ) in run.stdout


def test_a_server_that_is_not_there_gives_no_verdict():
    run = verified("http://127.0.0.1:9", "--wait", "10ms")
    assert (run.returncode, run.stdout) == (1, "")
    assert "is not there within 10ms" in run.stderr
