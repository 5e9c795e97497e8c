"""Real processes without the seconds that each takes to import torch: forks of one that did.

``python -m tests.forked`` is that one. It imports and computes nothing, so that it has no threads
when it forks. It reads requests, a line of JSON each, and answers each with a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent
SCRIPT = "TracIn_Resnet50"
PRELOADED = (
    *("tracin.compute.run", "tracin.analyze.run", "tracin.what_if.run", "tracin.training.run"),
    *("tracin.prepare.run", "tests.machine.two_ranks"),
)


@dataclass(frozen=True)
class Ended:
    """How a process came to its end."""

    status: int
    """Of the exit; negative: the signal that killed it."""
    output: str
    errors: str


class ForkServer:
    """The process that forks; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Start it; ``folder`` takes what its children say."""
        self._folder, self._children = folder, list[Child]()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer to a request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(
        self,
        arguments: Sequence[str],
        module: str = SCRIPT,
        environment: dict[str, str] | None = None,
    ) -> Child:
        """A child that calls ``main(arguments)`` of the module, in a process group of its own."""
        texts = self._folder / str(len(self._children))
        request = {"module": module, "arguments": list(arguments), "texts": str(texts)}
        number = self.ask({**request, "environment": environment or {}})
        self._children.append(Child(self, number, texts))
        return self._children[-1]

    def start_ranks(
        self, arguments: Sequence[str], module: str = SCRIPT, *, machines: int = 1
    ) -> tuple[Child, Child]:
        """Two children as torchrun would start them, on one machine or on two.

        The two machines are this one under two numbers. Nobody watches over the processes: when
        one dies the other must find out for itself.
        """
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        environment = {
            **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"},
            **{"LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": str(machines), "OMP_NUM_THREADS": "1"},
        }
        first, second = (
            self.start(
                arguments,
                module,
                environment
                | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                | {"GROUP_RANK": str(rank if machines == 2 else 0)},
            )
            for rank in (0, 1)
        )
        return first, second

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
        # Not by the end of its input: a process that a test forked meanwhile may hold that open.
        self._process.kill()
        self._process.wait(timeout=60)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Child:
    """A process that a ``ForkServer`` started."""

    def __init__(self, server: ForkServer, number: int, texts: Path) -> None:
        self._server, self._number, self._texts = server, number, texts
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its status, None while it runs."""
        if self._status is None:
            self._status = self._server.ask({"poll": self._number})
        return self._status

    def end(self, seconds: float = 120) -> Ended:
        """How it ended; it must do so within these seconds."""
        deadline = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"still running after {seconds} s: {self.said('err')}")
            time.sleep(0.01)
        return Ended(status, self.said("out"), self.said("err"))

    def said(self, stream: str) -> str:
        """What it wrote so far to ``out`` or ``err``."""
        return self._texts.with_suffix(f".{stream}").read_text(encoding="utf-8")

    def kill(self) -> bool:
        """Kill it and its own children, where it still runs; return at its end whether it did."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._number, signal.SIGKILL)
            while self.poll() is None:
                time.sleep(0.005)
        return self._status == -signal.SIGKILL


def _fork(request: dict[str, Any]) -> int:
    number = os.fork()
    if number:
        with suppress(OSError):  # as the child does: whoever comes first
            os.setpgid(number, number)
        return number
    status = 1
    try:
        os.setpgid(0, 0)
        for descriptor, stream in ((1, "out"), (2, "err")):
            file = os.open(f"{request['texts']}.{stream}", os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(file, descriptor)
        os.environ.update(request["environment"])
        status = importlib.import_module(request["module"]).main(request["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _poll(number: int) -> int | None:
    done, status = os.waitpid(number, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def serve() -> None:
    """Answer requests until there are no more."""
    for name in (SCRIPT, *PRELOADED):
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _poll(request["poll"]) if "poll" in request else _fork(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
