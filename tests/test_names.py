"""Names given to a command, whatever they hold."""

from __future__ import annotations

import sys

import pytest

from tracin.errors import TracInError
from tracin.flags import run_command, show


def test_a_flag_that_is_no_utf8_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["it", "--output_dir", "caf\udce9"])
    assert run_command("it", lambda: None, interrupted="") == 1
    assert capsys.readouterr().err == (
        "it: The name caf\\xe9 is not in UTF-8. Rename the file or folder.\n"
    )


def test_no_name_reaches_the_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        show("class \x1b]0;pwned\x07\nnext line")
        raise TracInError("no class \x1b[31m")

    assert run_command("it", fail, interrupted="") == 1
    said = capsys.readouterr()
    assert said.out == "class \\x1b]0;pwned\\x07\nnext line\n"
    assert said.err == "it: no class \\x1b[31m\n"
