"""Standard output closed, full or ASCII: a sentence or question marks, a sensible status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TALKER = """
import sys
from tracin.flags import new_parser, run_command
new_parser("… Hundeköpfe").parse_args()
sys.exit(run_command("tool", lambda: print("Köpfe\\n" * {lines}), interrupted=""))
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX leads the streams")


def talk(
    streams: str, *, lines: int = 3, flags: str = "", encoding: str = "utf-8"
) -> tuple[str, str, int]:
    """(output, errors, status) of a command whose streams the shell leads elsewhere."""
    script = TALKER.format(lines=lines)
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {flags} {streams}', sys.executable, script],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("lines", [3, 30_000])  # less, and more, than the stream holds back
@pytest.mark.parametrize("flags", ["", "--help"])
def test_output_that_takes_nothing_is_told_in_a_sentence(lines: int, flags: str) -> None:
    for streams, fact in (
        (">/dev/full", "takes no more"),
        ("| true; exit ${PIPESTATUS[0]}", "closed it before all was said"),
    ):
        _, errors, status = talk(streams, lines=lines, flags=flags)
        assert status == 1
        assert errors.count("\n") == 1 and fact in errors


def test_an_ascii_terminal_shows_question_marks() -> None:
    output, errors, status = talk("", encoding="ascii")
    assert (output.split(), errors, status) == (["K?pfe"] * 3, "", 0)
    output, errors, status = talk("", flags="--help", encoding="ascii")
    assert "? Hundek?pfe" in output and (errors, status) == ("", 0)


def test_streams_that_were_closed_before_take_no_file_along() -> None:
    assert talk(">&-") == ("", "Standard output is closed: what is said there is lost.\n", 0)
    assert talk(">&- 2>&-") == ("", "", 0)
    assert talk("2>/dev/full")[2] == 0
