"""One writer at a time in a folder, who is named to the next and whose death frees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracin import folder_lock
from tracin.errors import TracInError
from tracin.folder_lock import LOCK, locked, owner_of

OTHERWISE = "name another folder"
HOLD = (
    "import sys; from pathlib import Path; from tracin.folder_lock import locked\n"
    "with locked(Path(sys.argv[1]), ''): print('held', flush=True); sys.stdin.read()"
)
ROOT = Path(__file__).parent.parent


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder), "a flag\x1b[2J"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def take(folder: Path) -> None:
    with locked(folder, OTHERWISE):
        assert (folder / LOCK).exists()


def test_the_second_says_who_holds_the_folder(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(TracInError) as refused:
            take(tmp_path)
        assert f"{tmp_path} is in use by process {process.pid} on " in str(refused.value)
        assert "'a flag�[2J'" in str(refused.value)  # no escape sequence reaches the terminal
        assert str(refused.value).endswith("Wait until it has ended, or name another folder.")
        assert f"process {process.pid}" in owner_of(tmp_path)
        process.communicate("")
    take(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owner_frees_the_folder_and_its_file_goes_with_the_next(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert owner_of(tmp_path) == ""
    take(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_owner_frees_the_folder_however_it_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(tmp_path, OTHERWISE):
        raise KeyboardInterrupt
    take(tmp_path)
    with locked(tmp_path, OTHERWISE):
        (tmp_path / LOCK).unlink()  # by the user
    take(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_reading_process_that_outlives_the_owner_does_not_hold_the_folder(tmp_path: Path) -> None:
    (awake, wake), (begun, begin) = os.pipe(), os.pipe()
    with locked(tmp_path, OTHERWISE):
        child = os.fork()
        if child == 0:
            os.close(wake)
            os.write(begin, b"!")
            os.read(awake, 1)
            os._exit(0)
        os.read(begun, 1)
        (tmp_path / LOCK).rename(tmp_path / "kept")  # as a killed owner leaves it
    (tmp_path / "kept").rename(tmp_path / LOCK)
    try:
        take(tmp_path)
    finally:
        os.close(wake)
        os.waitpid(child, 0)
        for descriptor in (awake, begun, begin):
            os.close(descriptor)


def test_of_many_at_once_one_holds_and_all_get_their_turn(tmp_path: Path) -> None:
    inside, done = [], []

    def work() -> None:
        while True:
            try:
                with locked(tmp_path, OTHERWISE):
                    inside.append(1)
                    assert len(inside) == 1
                    inside.pop()
                    done.append(1)
                    return
            except TracInError:
                pass

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "second name", "folder", "pipe"])
def test_what_is_not_our_file_is_not_written(tmp_path: Path, kind: str) -> None:
    folder, mine = tmp_path / "results", tmp_path / "mine.txt"
    folder.mkdir()
    mine.write_text("mine")
    if kind == "link":
        (folder / LOCK).symlink_to(mine)
    elif kind == "second name":
        (folder / LOCK).hardlink_to(mine)
    elif kind == "folder":
        (folder / LOCK).mkdir()
    else:
        os.mkfifo(folder / LOCK)
    with pytest.raises(TracInError, match=r"Cannot write to .*or name another folder"):
        take(folder)
    assert owner_of(folder) == ""
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "x", "[]", '{"pid": 1}', "[" * 5000, "\xff\x00"])
def test_an_owner_that_is_not_told_is_another_process(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "_OWNER_WRITES_WITHIN", 0.05)
    with holder(tmp_path):
        (tmp_path / LOCK).write_text(text, encoding="latin-1")
        with pytest.raises(TracInError, match="in use by another process"):
            take(tmp_path)


def test_the_owners_command_is_cut_off_where_it_is_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *["🐈" * 100] * 1000, "\udcff"])
    with locked(tmp_path, OTHERWISE):
        assert len(json.loads((tmp_path / LOCK).read_bytes())["command"]) <= 400
        with pytest.raises(TracInError, match=r"script\.py"):
            take(tmp_path)
