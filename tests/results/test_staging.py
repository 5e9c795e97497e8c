"""Files are replaced whole, one run's at a time; only what is known to be ours is deleted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tracin.errors import TracInError
from tracin.results import schema, staging
from tracin.temporary import replacing


def test_replacing_writes_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [child.name for child in tmp_path.iterdir()] == ["file.txt"]


def test_a_run_replaces_all_files_of_the_former_or_none(tmp_path: Path) -> None:
    for name in schema.COMPUTE_FILES:
        (tmp_path / name).write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(KeyboardInterrupt), staging.staged(tmp_path) as folder:
        (folder / schema.RUN_INFO).write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / schema.RUN_INFO).read_text() == "old"
    with staging.staged(tmp_path) as folder:
        (folder / schema.RUN_INFO).write_text("new")
    assert sorted(child.name for child in tmp_path.iterdir()) == ["mine.txt", schema.RUN_INFO]
    assert (tmp_path / schema.RUN_INFO).read_text() == "new"


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tracin.results import staging\n"
        f"with staging.staged(Path({str(tmp_path)!r})) as folder:\n"
        "    (folder / 'run.json').write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert any(child.name.startswith(".unfinished-") for child in tmp_path.iterdir())
    (tmp_path / ".unfinished-123@an earlier version's").mkdir()
    (tmp_path / ".unfinished-thesis").mkdir()
    with staging.staged(tmp_path):
        pass
    assert [child.name for child in tmp_path.iterdir()] == [".unfinished-thesis"]


def analyse(folder: Path, *names: str, text: str = "new") -> None:
    with staging.staged_analysis(folder) as new:
        for name in names:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(text)


def texts(folder: Path) -> dict[str, str]:
    """Of all files but the record, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != schema.ANALYSIS_FILES
    }


def test_an_analysis_replaces_the_former_and_nothing_else(tmp_path: Path) -> None:
    analyse(
        tmp_path, "report.html", "top_influences/cat/rank_1.jpg", "top_influences/dog/rank_2.jpg"
    )
    (tmp_path / "top_influences/cat/mine.jpg").write_text("mine")
    (tmp_path / "top_influences/cat/rank_1.jpg").write_text("changed since")
    analyse(tmp_path, "report.html", "top_influences/cat/rank_3.jpg", text="newer")
    assert texts(tmp_path) == {
        "report.html": "newer",
        "top_influences/cat/rank_1.jpg": "changed since",
        "top_influences/cat/rank_3.jpg": "newer",
        "top_influences/cat/mine.jpg": "mine",
    }
    assert not (tmp_path / "top_influences/dog").exists()


def test_an_analysis_that_fails_leaves_the_former_whole(tmp_path: Path) -> None:
    analyse(tmp_path, "report.html", "cat_summary.png", text="old")
    with pytest.raises(OSError, match="full"), staging.staged_analysis(tmp_path) as new:
        (new / "report.html").write_text("half")
        raise OSError("full")
    assert texts(tmp_path) == {"report.html": "old", "cat_summary.png": "old"}


@pytest.mark.parametrize("rename", range(5))
def test_a_kill_while_files_are_swapped_loses_track_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rename: int
) -> None:
    analyse(tmp_path, "report.html", "cat_summary.png", text="old")
    replace, done = Path.replace, list[Path]()

    def die(self: Path, target: Path) -> Path:
        if len(done) == rename:
            raise KeyboardInterrupt
        done.append(self)
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            analyse(tmp_path, "report.html", "dog_summary.png", "a_summary.png")
    analyse(tmp_path, "report.html", text="last")
    assert texts(tmp_path) == {"report.html": "last"}


def test_folders_that_a_kill_left_empty_go_with_the_next_swap(tmp_path: Path) -> None:
    analyse(tmp_path, "top_influences/cat/positive/rank_01_train_0_a.jpg")
    (tmp_path / "top_influences/cat/positive/rank_01_train_0_a.jpg").unlink()  # then the kill came
    (tmp_path / "top_influences/dog").mkdir()  # its files went with an earlier record
    analyse(tmp_path, "report.html")
    assert not (tmp_path / "top_influences").exists()


def test_a_forged_record_deletes_nothing(tmp_path: Path) -> None:
    """With the right size and hash, as whoever knows the files can write them."""
    folder, outside = tmp_path / "results", tmp_path / "outside.png"
    inputs = [folder / name for name in (schema.RUN_INFO, schema.INFLUENCE_SCORES, "mine.txt")]
    folder.mkdir()
    (tmp_path / "linked").mkdir()
    for path in (*inputs, outside, tmp_path / "linked/rank_1.png"):
        path.write_text("x")
    (folder / "top_influences").symlink_to(tmp_path / "linked")
    digest = hashlib.sha256(b"x").hexdigest()
    names = [str(outside), "../outside.png", "top_influences/rank_1.png", *(p.name for p in inputs)]
    names += ["top_influences/../run.json"]
    entries = [{"path": name, "size": 1, "sha256": digest} for name in names]
    (folder / schema.ANALYSIS_FILES).write_text(json.dumps(entries))
    analyse(folder, "report.html")
    assert all(
        path.read_text() == "x" for path in (*inputs, outside, tmp_path / "linked/rank_1.png")
    )


@pytest.mark.parametrize("content", ["[" * 100_000, "{}", "[1, null, {}]", '["run.json"]', "\xff"])
def test_a_damaged_record_deletes_nothing(tmp_path: Path, content: str) -> None:
    """It is named, or its entries are none that an analysis could have written."""
    (tmp_path / schema.RUN_INFO).write_text("x")
    (tmp_path / schema.ANALYSIS_FILES).write_text(content, encoding="latin-1")
    damaged = content[0] != "[" or content.startswith("[[")
    with pytest.raises(TracInError, match="is damaged") if damaged else nullcontext():
        analyse(tmp_path, "report.html")
    found = texts(tmp_path)
    assert found.pop(schema.RUN_INFO) == "x"
    assert found == ({} if damaged else {"report.html": "new"})


def test_a_forged_entry_is_not_carried_on(tmp_path: Path) -> None:
    analyse(tmp_path, "report.html")
    path = tmp_path / schema.ANALYSIS_FILES
    entries = json.loads(path.read_text("utf-8"))
    forged = [{"path": "nan", "size": 3, "sha256": ""}, {"path": "map.png", "size": -1}, "old.png"]
    path.write_text(json.dumps([*entries, *forged]), encoding="utf-8")
    with staging.staged_analysis(tmp_path, keep_former=True) as new:
        (new / "map.png").write_text("new")
    listed = [each.path for each in staging.recorded_files(tmp_path, schema.ANALYSIS_FILES)]
    assert listed == ["report.html", "map.png"]


def test_a_linked_folder_is_not_written_through(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "top_influences").symlink_to(elsewhere)
    with pytest.raises(TracInError, match=r"top_influences is a link that leads to .*elsewhere"):
        analyse(folder, "report.html", "top_influences/cat/rank_1.jpg")
    assert not list(elsewhere.iterdir())
    assert not (folder / "report.html").exists()


def test_what_a_killed_analysis_left_is_removed(tmp_path: Path) -> None:
    analyse(tmp_path, "report.html", "top_influences/cat/rank_1.jpg")
    left = [
        tmp_path / ".report.html.999.part",
        tmp_path / "top_influences/cat/.rank_1.jpg.999.part",
    ]
    mine = [tmp_path / ".thesis.tex.999.part", tmp_path / "top_influences/cat/film.mp4.part"]
    for path in (*left, *mine):
        path.write_text("half")
    analyse(tmp_path, "report.html")
    assert [path.exists() for path in (*left, *mine)] == [False, False, True, True]
