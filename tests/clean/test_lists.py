"""--apply for lists: corrected lists, and the images stay where they are."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import analyze_results
from tests.clean.photos import contents, write_actions
from tests.image_lists import lists, write_list
from tests.run_info import example_run_info
from tracin.clean.folder import LOG
from tracin.clean.target import STAMP
from tracin.data_folder import find_data
from tracin.folder_lock import LOCK
from tracin.layout import ImageList, Layout
from tracin.results.run_info import write_run_info

DECISIONS = ("p/1.jpg,relabel,dog", "p/2.jpg,delete,", "p/6.jpg,relabel,'-1", "p/3.jpg,keep,")


class Place:
    """A folder of photos with two lists, and the results of a run that was made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.cleaned = folder, folder / "data", folder / "cleaned"
        (self.data / "p").mkdir(parents=True)
        for number in range(9):
            (self.data / f"p/{number}.jpg").write_bytes(f"pixels {number}".encode())
        labels = ("cat", "cat", "dog", "dog", "-1", "'-1")
        train = [(f"./p/{n}.jpg", f"{n},x", label) for n, label in enumerate(labels)]
        test = [(f"p/{n}.jpg", "=1+1", "cat") for n in (6, 7)] + [("p/99.jpg", "", "cat")]
        header = ("path", "note", "label")
        self.train = write_list(self.data / "a.csv", train, header)
        self.test = write_list(self.data / "b.csv", test, header)
        self.of_run(lists(self.train, self.test))

    def of_run(self, layout: Layout) -> None:
        (self.folder / "results").mkdir(exist_ok=True)
        run = replace(example_run_info(), data_dir=str(self.data), layout=layout)
        write_run_info(self.folder / "results", run)

    def clean(self, *rows: str, more: tuple[str, ...] = ()) -> int:
        actions = write_actions(self.folder, *rows)
        flags = ["--apply", str(actions), "--results_dir", str(self.folder / "results")]
        return analyze_results.main([*flags, "--cleaned_dir", str(self.cleaned), *more])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_labels_are_corrected_and_every_other_cell_stays(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(place.data)
    assert place.clean(*DECISIONS) == 0
    assert rows(place.cleaned / "train.csv") == [
        ["path", "note", "label"],
        ["./p/0.jpg", "0,x", "cat"],
        ["./p/1.jpg", "1,x", "dog"],
        ["./p/3.jpg", "3,x", "dog"],
        ["./p/4.jpg", "4,x", "-1"],  # the person's own, in the person's own spelling
        ["./p/5.jpg", "5,x", "'-1"],
    ]
    assert rows(place.cleaned / "test.csv") == [
        ["path", "note", "label"],
        ["p/6.jpg", "=1+1", "'-1"],
        ["p/7.jpg", "=1+1", "cat"],
    ]
    assert contents(place.data) == before
    assert sorted(contents(place.cleaned)) == [STAMP, LOG, "test.csv", "train.csv"]
    log = {row[0]: row[1:] for row in rows(place.cleaned / LOG)}
    assert log["p/1.jpg"] == ["relabel", "cat", "dog", ""]
    assert log["p/2.jpg"] == ["delete", "dog", "", ""]
    assert log["p/7.jpg"] == ["keep", "cat", "cat", "no action"]
    assert log["p/99.jpg"] == ["left out", "", "", "not there"]
    said = capsys.readouterr().out
    assert (
        "6 training images: 1 relabelled, 1 left out, 4 kept; 2 test images: 1 relabelled" in said
    )
    assert "Not used, 1 in all: p/99.jpg (not there)." in said
    corrected = find_data(
        place.data, lists(place.cleaned / "train.csv", place.cleaned / "test.csv")
    )
    assert corrected.train.labels == ("cat", "dog", "dog", "-1", "-1")
    assert corrected.test.labels == ("-1", "cat")
    next_command = said.rstrip().splitlines()[-1]
    assert next_command.endswith(f"/cleaned/test.csv --data_dir {place.data}")


def test_dry_run_says_so_and_writes_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.clean(*DECISIONS, more=("--dry_run",)) == 0
    said = capsys.readouterr().out
    assert "Dry run: nothing is written." in said
    assert "  relabel  p/1.jpg: cat -> dog\n  delete   p/2.jpg\n" in said
    assert not place.cleaned.exists()


def test_paths_from_the_lists_own_folder_are_written_from_the_data_folder_on(place: Place) -> None:
    own = write_list(place.data / "p/m.csv", [("0.jpg", "cat"), ("1.jpg", "dog")])
    other = write_list(place.data / "p/n.csv", [("2.jpg", "cat")])
    place.of_run(Layout(ImageList(str(own), "p"), ImageList(str(other), "p")))
    assert place.clean("p/2.jpg,relabel,dog") == 0
    assert rows(place.cleaned / "train.csv")[1:] == [["p/0.jpg", "cat"], ["p/1.jpg", "dog"]]
    assert rows(place.cleaned / "test.csv")[1:] == [["p/2.jpg", "dog"]]


def test_what_was_one_list_or_folder_becomes_two_lists(place: Place) -> None:
    place.of_run(lists(place.train, test_share=0.5))
    assert place.clean("p/0.jpg,keep,") == 0
    drawn = [rows(place.cleaned / f"{split}.csv")[1:] for split in ("train", "test")]
    assert sorted(drawn[0] + drawn[1]) == rows(place.train)[1:]
    assert drawn[0] and drawn[1]
    shutil.rmtree(place.cleaned)
    for name in ("cat/0.jpg", "cat/1.jpg", "dog/2.jpg", "dog/3.jpg"):
        (place.data / name).parent.mkdir(exist_ok=True)
        shutil.copy(place.data / f"p/{Path(name).name}", place.data / name)
    shutil.rmtree(place.data / "p")
    place.of_run(Layout(test_share=0.5))
    data = find_data(place.data, Layout(test_share=0.5))
    moved = next(path for path in data.train.images if path.startswith("cat"))
    assert place.clean(f"{moved},delete,") == 1  # the only cat that is left to train on
    assert place.clean(f"{data.test.images[0]},relabel,dog") == 0
    assert rows(place.cleaned / "train.csv") == [
        ["path", "label"],
        *([path, path.split("/")[0]] for path in data.train.images),
    ]
    assert rows(place.cleaned / "test.csv")[1] == [data.test.images[0], "dog"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (["p/8.jpg,delete,"], "line 2: p/8.jpg is not an image of the lists"),
        (["p/0.jpg,relabel,cat"], "line 2: p/0.jpg is already labelled cat: write keep"),
        (["p/0.jpg,relabel,cow"], "new_class 'cow' is not one of the classes -1, cat and dog"),
        (["p/0.jpg,delete,", "p/1.jpg,delete,"], "leave no training image in class cat"),
        (["p/6.jpg,delete,", "p/7.jpg,delete,"], "leave no image in test.csv"),
    ],
)
def test_actions_that_cannot_be_carried_out(
    place: Place, actions: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.clean(*actions) == 1
    assert message in capsys.readouterr().err
    assert not place.cleaned.exists()


def test_only_what_apply_wrote_is_replaced(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.clean(*DECISIONS) == 0
    once = contents(place.cleaned)
    assert place.clean(*DECISIONS) == 0
    assert contents(place.cleaned) == once
    assert place.clean("p/2.jpg,delete,") == 0  # other decisions about the same lists
    assert len(rows(place.cleaned / "train.csv")) == 6
    # Killed after the stamp: the lists are still those of the run before.
    stamp = json.loads((place.cleaned / STAMP).read_text("utf-8"))
    stamp["train.csv"] += " " + "0" * 64
    (place.cleaned / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    assert place.clean(*DECISIONS) == 0
    assert contents(place.cleaned) == once
    changed = (place.cleaned / "train.csv").read_text("utf-8") + "p/8.jpg,mine,cat\n"
    (place.cleaned / "train.csv").write_text(changed, encoding="utf-8")
    capsys.readouterr()
    assert place.clean("p/2.jpg,delete,") == 1
    assert "train.csv is not as --apply wrote it. Move it away" in capsys.readouterr().err
    assert (place.cleaned / "train.csv").read_text("utf-8") == changed
    assert not (place.cleaned / LOCK).exists()


def test_a_folder_of_other_images_or_lists_is_refused(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.clean(*DECISIONS) == 0
    corrected = lists(place.cleaned / "train.csv", place.cleaned / "test.csv")
    before = contents(place.cleaned)
    for layout, message in (
        (corrected, f"a.csv, not from {place.cleaned / 'train.csv'}. Name"),
        (lists(place.train, test_share=0.5), "a.csv, not from these. Name another folder"),
        (Layout(), "data/train. Name the data folder"),
    ):
        place.of_run(layout)
        assert place.clean("p/0.jpg,keep,") == 1
        assert message in capsys.readouterr().err
    place.of_run(lists(place.train, place.test))
    place.cleaned = place.data
    assert place.clean(*DECISIONS) == 1
    assert "data holds files that --apply did not put there" in capsys.readouterr().err
    assert contents(place.folder / "cleaned") == before


def test_a_list_that_is_gone_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.train.unlink()
    assert place.clean(*DECISIONS) == 1
    assert f"The list {place.train} is not there" in capsys.readouterr().err
