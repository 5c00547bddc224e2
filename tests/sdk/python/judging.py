"""Runs commands under `mynah run`, clients of the SDKs among them, and reads how they were judged."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from generation import google_http
from sdk import WAYS
from servers import binary

CLIENT = Path(__file__).with_name("judging_client.py")
SECONDS_TO_END = 120

MET, WRONG_FILES, NOT_MET = 0, 4, 8

# What comes of a call, as regular expressions.
HELLO = "hello"
RAISES = r"\w+(?:Error|Timeout)"


@dataclass
class Act:
    """Something that a client does, what it gets for it, and what is expected of it, in YAML."""

    then: str
    expect: str
    do: str = "ask"
    options: dict = field(default_factory=dict)
    # So often at once.
    times: int = 1
    ways: tuple = tuple(WAYS)
    outcome: str = HELLO


@dataclass
class Wrong:
    """An expectation that an act does not meet, in YAML, and what is said of it."""

    act: str
    key: str
    value: str
    expected: str
    # A regular expression, as there are times in it.
    happened: str


def command(name, *arguments):
    """A command of mynah's, to its end."""
    run = subprocess.run(
        [str(binary()), name, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS_TO_END,
    )
    # As they are, line ends and all.
    run.stdout, run.stderr = run.stdout.decode(), run.stderr.decode()
    return run


def python(code, *arguments):
    """A command line."""
    return [sys.executable, "-c", code, *arguments]


def written(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


class Running:
    """A client of an SDK that does acts in some ways, all at once, under `mynah run`."""

    def __init__(self, folder: Path, sdk, acts, ways, *flags):
        self.report = folder / "report.json"
        scenario = written(folder, "acts.yaml", scenario_of(acts))
        given = written(folder, "calls.json", json.dumps(calls_of(acts, ways)))
        flags = [scenario, "--report", "text", "--report", f"json={self.report}", *flags]
        line = [binary(), "run", *flags, "--", sys.executable, CLIENT, sdk]
        with given.open("rb") as stdin:
            self.process = subprocess.Popen(
                [str(word) for word in line], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )

    def ended(self):
        try:
            output, errors = self.process.communicate(timeout=SECONDS_TO_END)
        finally:
            self.process.kill()
        report = json.loads(self.report.read_text("utf-8")) if self.report.exists() else None
        return Run(self.process.returncode, output.decode(), errors.decode(), report)


@dataclass
class Run:
    """What came of it."""

    code: int
    output: str
    errors: str
    report: dict | None

    def outcomes(self, act, way):
        """What came of the client's calls for an act."""
        calls = json.loads(self.output)
        return [call["outcome"] for call in calls if (call["prompt"], call["way"]) == (act, way)]

    def judged(self, about, session):
        """The verdicts on what is called so, by key."""
        found = self.report["expectations"]
        return {one["key"]: one for one in found if (one["about"], one["session"]) == (about, session)}

    @property
    def failures(self):
        return {(one["about"], one["key"]) for one in self.report["expectations"] if not one["passed"]}


def scenario_of(acts):
    """A scenario with a stub for each act."""
    lines = ["scenario: 1", "name: acts", "stubs:"]
    for name, act in acts.items():
        lines += [
            f"  - name: {json.dumps(name)}",
            f"    when: {{prompt: {json.dumps(name)}}}",
            "    per: call",
            f"    then: {act.then}",
            f"    expect: {act.expect}",
        ]
    return "\n".join([*lines, "expect: {unmatched: 0}", ""])


def calls_of(acts, ways):
    """What the client is told: calls by the way they are made, whose session is `None` for the shared one."""
    return [
        {
            "prompt": name,
            "do": act.do,
            "options": act.options,
            "way": way,
            "session": session,
            "http": google_http.__name__,
        }
        for name, act in acts.items()
        for way, session in ways.items()
        for _ in range(act.times if way in act.ways else 0)
    ]


def wrong_file(wrongs):
    """A file that expects all that is wrong, and the line of each."""
    lines, places = ["expectations: 1", "checks:"], {}
    for name, wrong in wrongs.items():
        lines += [
            f"  - name: {json.dumps(name)}",
            f"    stub: {json.dumps(wrong.act)}",
            "    expect:",
            f"      {wrong.key}: {wrong.value}",
        ]
        places[name] = len(lines)
    return "\n".join([*lines, ""]), places


class Stage:
    """What came of all acts, with a session for each way of an SDK, and of some held to what is wrong."""

    def __init__(self, sdk, acts, wrongs, folder_of):
        self.acts, self.wrongs = acts, wrongs
        folder = folder_of("wrong")
        text, self.lines = wrong_file(wrongs)
        self.file = written(folder, "wrong.yaml", text)
        needed = {name: acts[name] for name in dict.fromkeys(wrong.act for wrong in wrongs.values())}
        right = Running(folder_of("right"), sdk, acts, {way: way for way in WAYS})
        wrong = Running(folder, sdk, needed, {"sync": None}, "--expect", self.file)
        self.right, self.wrong = right.ended(), wrong.ended()

    def passes(self):
        """All that is right was met."""
        run = self.right
        assert run.code == MET and not run.failures, run.errors
        count = len(run.report["expectations"])
        summary = rf"mynah: {count} expectations met; \d+ requests in \d+ calls, 3 sessions, 0 unmatched"
        assert re.fullmatch(summary, run.errors.splitlines()[-1]), run.errors

    def plays(self, way, name):
        """An act was judged, met what is expected of it, and had the outcome that it is to have."""
        act, judged = self.acts[name], self.right.judged(f"acts/{name}", way)
        assert judged and all(one["passed"] for one in judged.values()), self.right.errors
        came = self.right.outcomes(name, way)
        assert len(came) == act.times and all(re.fullmatch(act.outcome, one) for one in came), came

    def fails(self):
        """All that is wrong was not met, and nothing else."""
        run = self.wrong
        assert run.code == NOT_MET, run.errors
        assert run.failures == {(name, wrong.key) for name, wrong in self.wrongs.items()}, run.errors
        failed = len(self.wrongs)
        summary = f"mynah: {failed} expectations NOT met, {len(run.report['expectations']) - failed} met; "
        assert run.errors.splitlines()[-1].startswith(summary), run.errors

    def tells(self, name):
        """What is wrong is told with its place, what was expected, and what happened."""
        wrong, line = self.wrongs[name], self.lines[name]
        told = (
            rf"^NOT MET {re.escape(name)}: {wrong.key}\n"
            rf"  at        {re.escape(str(self.file))}:{line}\n"
            rf"  expected  {re.escape(wrong.expected)}\n"
            rf"  happened  {wrong.happened}\n\n"
        )
        assert re.search(told, self.wrong.errors, re.MULTILINE), self.wrong.errors
        judged = self.wrong.judged(name, "")[wrong.key]
        assert (judged["file"], judged["line"]) == (str(self.file), line)
        assert judged["expected"] == wrong.expected and re.fullmatch(wrong.happened, judged["happened"])

    def times_a_gap_from_when_the_client_left(self, name, timeout):
        """A gap behind an attempt that the client gave up does not hold the time until then."""
        one, other = self.wrong.judged(name, "")["gaps"]["attempts"]
        # The client counts from when it has sent, which mynah may read a little later.
        assert other["at"] - one["at"] - other["gap"] > timeout / 2


def played(acts):
    """All acts in each of their ways."""
    return [(way, name) for name, act in acts.items() for way in act.ways]
