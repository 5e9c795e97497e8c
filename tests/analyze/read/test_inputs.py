"""Whatever files there are: what is known, what is left out, what does not fit together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.analyze.world import World, without_matrix, write_run
from tracin.analyze.read.inputs import read_inputs
from tracin.analyze.read.sides import EVERY_TEST_IMAGE
from tracin.analyze.report.analysis import read_page_tables
from tracin.errors import TracInError
from tracin.layout import DEFAULT_DATA_DIR
from tracin.results import schema


def take_away(world: World, *names: str) -> None:
    for name in names:
        (world.results_dir / name).unlink(missing_ok=True)


def change(world: World, name: str, **columns: str | int) -> None:
    frame = pd.read_csv(world.results_dir / name)
    for column, value in columns.items():
        frame[column] = value
    frame.to_csv(world.results_dir / name, index=False)


def test_with_every_file_nothing_is_left_out(world: World) -> None:
    inputs = read_inputs(world.results_dir)
    assert inputs.left_out == ()
    assert inputs.train.paths == world.train_paths
    assert inputs.train.labels == tuple(world.names[k] for k in world.train_labels)
    assert [inputs.test.groups[k] for k in inputs.test.group_of] == [
        world.names[k] for k in world.test_labels
    ]
    assert inputs.data_dir == world.data_dir


def test_scores_alone_are_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.results_dir)
    take_away(world, *schema.COMPUTE_FILES[1:])
    inputs = read_inputs(world.results_dir)
    assert inputs.test.groups == (EVERY_TEST_IMAGE,)
    assert inputs.data_dir == DEFAULT_DATA_DIR
    train = inputs.train
    assert (train.paths, train.labels, train.self_influence) == (None, None, None)
    assert [sentence.split(":")[0] for sentence in inputs.left_out] == [
        "Learning rate, checkpoint and date",
        "Classes of the test images, and a page for each",
        "Pictures and labels of the training images",
    ]
    assert all("there is no " in sentence for sentence in inputs.left_out)


def test_the_first_nine_columns_give_classes_and_some_labels(world: World, tmp_path: Path) -> None:
    take_away(world, schema.RUN_INFO, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    path = world.results_dir / schema.INFLUENCE_SUMMARY
    core = pd.read_csv(path)[list(schema.INFLUENCE_SUMMARY_CORE)]
    core.to_csv(path, index=False)
    inputs = read_inputs(world.results_dir, tmp_path / "nowhere")
    assert inputs.test.has_classes
    assert (inputs.test.correct, inputs.test.paths) == (None, None)
    assert any("has no column correct" in sentence for sentence in inputs.left_out)
    assert inputs.train.labels is not None
    known = set(core["most_helpful_train_idx"]) | set(core["most_harmful_train_idx"])
    for index, label in enumerate(inputs.train.labels):
        expected = world.names[world.train_labels[index]] if index in known else None
        assert label == expected


def test_the_data_folder_names_the_images_as_imagefolder_does(world: World) -> None:
    take_away(world, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    (world.data_dir / "train" / "cat" / "notes.txt").write_text("no image")
    inputs = read_inputs(world.results_dir)
    assert inputs.train.paths == world.train_paths  # they were written in this order
    assert inputs.train.labels == tuple(world.names[k] for k in world.train_labels)


def test_imagefolders_order_is_torchvisions(world: World) -> None:
    torchvision = pytest.importorskip("torchvision.datasets")
    take_away(world, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    first = world.data_dir / world.train_paths[0]
    deeper = world.data_dir / "train" / "dog" / "b" / "DEEP.JPEG"
    deeper.parent.mkdir()
    first.rename(deeper)
    take_away(world, schema.INFLUENCE_SUMMARY)
    expected = [
        Path(path).relative_to(world.data_dir).as_posix()
        for path, _ in torchvision.ImageFolder(world.data_dir / "train").samples
    ]
    assert list(read_inputs(world.results_dir).train.paths or ()) == expected


def test_another_number_of_images_is_not_guessed_at(world: World) -> None:
    take_away(world, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    Image.new("RGB", (8, 8)).save(world.data_dir / "train" / "cat" / "one_more.png")
    inputs = read_inputs(world.results_dir)
    assert inputs.train.paths is None
    assert "holds 61 images where the matrix has 60 rows" in inputs.left_out[-1]


def test_a_data_folder_of_other_classes_is_not_believed(world: World) -> None:
    take_away(world, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    change(world, schema.INFLUENCE_SUMMARY, most_helpful_train_class="unicorn")
    inputs = read_inputs(world.results_dir)
    assert inputs.train.paths is None
    assert "are not those in influence_summary.csv" in inputs.left_out[-1]


def test_rows_are_placed_by_their_index(world: World) -> None:
    path = world.results_dir / schema.TRAIN_SUMMARY
    pd.read_csv(path)[::-1].to_csv(path, index=False)
    assert read_inputs(world.results_dir).train.paths == world.train_paths


def test_a_class_may_be_called_na(world: World) -> None:
    change(world, schema.INFLUENCE_SUMMARY, test_class="NA")
    write_run(world, class_names=("NA", *world.names))
    assert read_inputs(world.results_dir).test.groups == ("NA",)


@pytest.mark.parametrize("name", [schema.INFLUENCE_SUMMARY, schema.TRAIN_SUMMARY])
def test_tables_of_another_size_are_refused(world: World, name: str) -> None:
    path = world.results_dir / name
    pd.read_csv(path)[:-1].to_csv(path, index=False)
    with pytest.raises(TracInError, match=r"come from different runs.*remove"):
        read_inputs(world.results_dir)


def test_a_run_of_another_size_is_refused(world: World) -> None:
    write_run(world, train_images=61)
    with pytest.raises(TracInError, match="is about 61 training images and 12 test images"):
        read_inputs(world.results_dir)


def test_a_repeated_index_is_refused(world: World) -> None:
    change(world, schema.INFLUENCE_SUMMARY, test_idx=0)
    with pytest.raises(
        TracInError, match=r"column test_idx: each of 0 … 11 must be there exactly once"
    ):
        read_inputs(world.results_dir)


def test_an_index_outside_the_matrix_is_refused(world: World) -> None:
    take_away(world, schema.TRAIN_SUMMARY, schema.SUSPECTS)
    change(world, schema.INFLUENCE_SUMMARY, most_harmful_train_idx=60)
    with pytest.raises(
        TracInError, match=r"60 is not a row of influence_scores\.csv, which has 60"
    ):
        read_inputs(world.results_dir)


@pytest.mark.parametrize("column", ["train_idx", "test_idx"])
def test_strongest_influences_of_other_images_are_refused(world: World, column: str) -> None:
    row = dict.fromkeys(schema.TOP_INFLUENCES_COLUMNS, "1") | {"direction": "proponent"}
    path = world.results_dir / schema.TOP_INFLUENCES_TABLE
    inputs = read_inputs(world.results_dir)
    pd.DataFrame([row]).to_csv(path, index=False)
    assert read_page_tables(inputs, world.results_dir).top_influences is not None
    pd.DataFrame([{**row, column: "60"}]).to_csv(path, index=False)
    with pytest.raises(TracInError, match=rf"column {column}: 60 is not a (row|column) of infl"):
        read_page_tables(inputs, world.results_dir)


def test_an_index_outside_is_refused_whatever_else_is_there(world: World) -> None:
    change(world, schema.INFLUENCE_SUMMARY, most_harmful_train_idx=60)
    with pytest.raises(TracInError, match=r"most_harmful_train_idx: 60 is not a row of"):
        read_inputs(world.results_dir)


def test_suspects_of_another_run_are_refused(world: World) -> None:
    change(world, schema.SUSPECTS, train_path="train/cat/unknown.jpg")
    with pytest.raises(TracInError, match=r"train/cat/unknown\.jpg, which is not in"):
        read_inputs(world.results_dir)


def test_without_suspects_it_says_so(world: World) -> None:
    take_away(world, schema.SUSPECTS)
    assert read_inputs(world.results_dir).left_out == (
        "Labels that look wrong: there is no suspects.csv.",
    )


def test_without_any_scores_the_next_step_is_named(tmp_path: Path) -> None:
    message = (
        r"influence_scores\.csv is not there, and class_influence\.csv is not in its place\. "
        r"Run TracIn_Resnet50\.py first"
    )
    with pytest.raises(TracInError, match=message):
        read_inputs(tmp_path)


@pytest.fixture
def tables(world: World, tmp_path: Path) -> Path:
    """The results of ``world``, with class means in place of the matrix."""
    return without_matrix(world, tmp_path / "tables")


def test_the_tables_tell_all_that_the_matrix_told(world: World, tables: Path) -> None:
    with_matrix, without = read_inputs(world.results_dir), read_inputs(tables)
    assert with_matrix.tables is None
    assert without.scores == tables / schema.CLASS_INFLUENCE
    assert without.left_out == ()
    assert (without.n_train, without.n_test) == world.matrix.shape
    assert without.data_dir == world.data_dir
    one, other = with_matrix.train, without.train
    assert (one.paths, one.labels, one.suspects) == (other.paths, other.labels, other.suspects)
    assert one.self_influence is not None
    assert other.self_influence is not None
    assert list(one.self_influence) == list(other.self_influence)
    assert with_matrix.test.groups == without.test.groups
    assert list(with_matrix.test.group_of) == list(without.test.group_of)


def test_a_matrix_is_read_even_beside_class_means(world: World) -> None:
    (world.results_dir / schema.CLASS_INFLUENCE).write_text("nonsense")
    inputs = read_inputs(world.results_dir)
    assert inputs.tables is None
    assert inputs.scores.name == schema.INFLUENCE_SCORES


@pytest.mark.parametrize("name", [schema.INFLUENCE_SUMMARY, schema.TRAIN_SUMMARY])
def test_without_a_matrix_both_summaries_are_needed(tables: Path, name: str) -> None:
    path = tables / name
    path.write_text(path.read_text().split("\n", maxsplit=1)[0] + "\n")
    with pytest.raises(TracInError, match=f"{name} has a header but no rows: run TracIn"):
        read_inputs(tables)
    path.unlink()
    message = (
        rf"tables/{name} is not there\. Without influence_scores\.csv the analysis needs it beside "
        r"class_influence\.csv: run TracIn_Resnet50\.py again"
    )
    with pytest.raises(TracInError, match=message):
        read_inputs(tables)


def test_without_a_matrix_the_run_is_held_against_the_tables(tables: Path) -> None:
    path = tables / schema.INFLUENCE_SUMMARY
    pd.read_csv(path)[:-1].to_csv(path, index=False)
    message = (
        r"run\.json is about 60 training images and 12 test images, but train_summary\.csv has "
        r"60 rows and influence_summary\.csv 11: they come from different runs"
    )
    with pytest.raises(TracInError, match=message):
        read_inputs(tables)


def test_without_a_matrix_an_index_stands_once_too(tables: Path) -> None:
    path = tables / schema.TRAIN_SUMMARY
    pd.read_csv(path).assign(train_idx=7).to_csv(path, index=False)
    message = r"column train_idx: each of 0 … 59 must .*Correct the file, or run TracIn_Resnet50"
    with pytest.raises(TracInError, match=message):
        read_inputs(tables)


def test_without_a_matrix_the_other_files_may_be_missing(world: World, tables: Path) -> None:
    for name in (schema.RUN_INFO, schema.SUSPECTS):
        (tables / name).unlink()
    inputs = read_inputs(tables, world.data_dir)
    assert [sentence.split(":")[0] for sentence in inputs.left_out] == [
        "Learning rate, checkpoint and date",
        "Labels that look wrong",
    ]


def test_inputs_are_frozen(world: World) -> None:
    inputs = read_inputs(world.results_dir)
    with pytest.raises(dataclasses.FrozenInstanceError):
        inputs.n_train = 1  # type: ignore[misc]
