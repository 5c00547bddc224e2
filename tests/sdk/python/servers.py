"""Starts the program under test and ends it again."""

import os
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
SECONDS_TO_START = 10


def binary() -> Path:
    return Path(os.environ.get("MYNAH_BIN") or REPOSITORY / "target" / "debug" / "mynah")


class Server:
    """A running `mynah serve`, or another command that serves."""

    def __init__(self, flags, folder: Path, command="serve"):
        self.port_file = folder / "port"
        self.output = folder / "output"
        command = [str(binary()), command, "--port", "0", "--port-file", str(self.port_file), "--log", "off"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *flags], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self.url = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        give_up = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended at once: {self.output.read_text()}")
            if self.port_file.exists():
                return int(self.port_file.read_text())
            time.sleep(0.005)
        self.stop()
        raise RuntimeError(f"the server was not ready after {SECONDS_TO_START} seconds")

    def end(self):
        """Tells it to end, which it does well."""
        self.process.terminate()
        assert self.process.wait(SECONDS_TO_START) == 0, self.output.read_text()

    def stop(self):
        self.process.kill()
        self.process.wait()
