"""A run's files are known by their content, and answers come from one run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import analyze_results
from tests.analyze.world import World, make_world, without_matrix
from tests.run_info import example_run_info
from tracin.analyze.read.inputs import read_inputs
from tracin.clean.run import CleanConfig, apply_actions
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.results import schema
from tracin.results.manifest import FileRecord, check_files, records_of
from tracin.results.matrix import MatrixWriter, read_shape
from tracin.results.one_run import one_run
from tracin.results.run_info import read_run_info, write_run_info

TABLE = schema.SUSPECTS


def listed(folder: Path) -> None:
    """List the files of ``folder`` in its run.json, as compute does."""
    info = read_run_info(folder)
    (folder / schema.RUN_INFO).unlink()
    write_run_info(folder, dataclasses.replace(info, run_id="1" * 32, files=records_of(folder, {})))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path, n_train=40, n_test=8, names=("cat", "dog"))
    listed(made.results_dir)
    return made


def test_the_record_of_a_matrix_is_that_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / schema.INFLUENCE_SCORES
    block = np.random.default_rng(0).normal(size=(5000, 7)).astype(np.float32)
    with MatrixWriter(path, range(7)) as writer:
        writer.write(block[:3000])
        writer.write(block[3000:])
    content = path.read_bytes()
    assert writer.record == FileRecord(len(content), hashlib.sha256(content).hexdigest())
    seen = hashlib.sha256()
    assert read_shape(path, seen.update) == (5000, 7)
    assert seen.hexdigest() == writer.record.sha256


def test_records_survive_run_json_and_known_ones_are_not_read_again(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(b"abc")
    (tmp_path / schema.INFLUENCE_SCORES).write_bytes(b"large")
    known = {schema.INFLUENCE_SCORES: FileRecord(10**12, "f" * 64)}
    files = records_of(tmp_path, known)
    # The first is the example of FIPS 180-2.
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files == known | {TABLE: FileRecord(3, abc)}
    info = dataclasses.replace(example_run_info(), run_id="2" * 32, files=files)
    write_run_info(tmp_path, info)
    assert read_run_info(tmp_path) == info


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "name",
    [name for name in schema.COMPUTE_FILES if name != schema.RUN_INFO],
)
def test_a_file_that_is_not_the_runs_is_named(tmp_path: Path, name: str) -> None:
    others = [TABLE, schema.NEIGHBOURS]
    for each in {name, *others}:
        (tmp_path / each).write_text("1,2,3\n")
    files = records_of(tmp_path, {})
    check_files(tmp_path, files)
    flip(tmp_path / name)
    with pytest.raises(TracInError, match=rf"{name} is not what .*run\.json lists"):
        check_files(tmp_path, files)
    check_files(tmp_path, files, names=set(others) - {name})  # what is not read is not asked
    check_files(tmp_path, {})  # an earlier version listed nothing
    (tmp_path / name).write_text("1,2,3\n4\n")
    with pytest.raises(TracInError, match=rf"{name} is not what"):
        check_files(tmp_path, files, hashed={name: files[name].sha256})
    del files[name]
    with pytest.raises(TracInError, match=rf"{name} is not what"):
        check_files(tmp_path, files)
    (tmp_path / name).unlink()
    check_files(tmp_path, files)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / TABLE).mkdir()
    files = {TABLE: FileRecord((tmp_path / TABLE).stat().st_size, "0" * 64)}
    with pytest.raises(TracInError, match=rf"{TABLE} cannot be read \(.*directory"):
        check_files(tmp_path, files)


@pytest.mark.parametrize("files", [None, "x", [1], {"a": 1}, {"a": None}, {"a": {"size": 1}}])
def test_a_damaged_list_of_files_is_called_so(tmp_path: Path, files: object) -> None:
    path = write_run_info(tmp_path, example_run_info())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": files}))
    with pytest.raises(TracInError, match=r"run\.json is damaged"):
        read_run_info(tmp_path)


def test_an_analysis_takes_the_files_of_its_run_alone(world: World) -> None:
    folder = world.results_dir
    read_inputs(folder)
    for name in (schema.INFLUENCE_SCORES, schema.TRAIN_SUMMARY, TABLE):
        kept = (folder / name).read_bytes()
        flip(folder / name)
        with pytest.raises(TracInError, match=rf"{name} is not what"):
            read_inputs(folder)
        (folder / name).write_bytes(kept)
    (folder / TABLE).unlink()
    assert any(TABLE in sentence for sentence in read_inputs(folder).left_out)


def test_so_does_one_without_the_matrix(world: World, tmp_path: Path) -> None:
    folder = without_matrix(world, tmp_path / "tables")
    listed(folder)
    read_inputs(folder)
    means = folder / schema.CLASS_INFLUENCE
    header, first, *rest = means.read_text().splitlines()
    means.write_text("\n".join((header, "1.5,2.5", *rest)) + "\n")
    assert first != "1.5,2.5"
    with pytest.raises(TracInError, match=r"class_influence\.csv is not what"):
        read_inputs(folder)


@pytest.mark.parametrize("flags", [[], ["--explain", "1.jpg"], ["--what_if", "3"]])
def test_nothing_is_answered_while_another_writes(
    world: World, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in world.results_dir.iterdir()}
    with locked(world.results_dir, ""):
        assert analyze_results.main(["--results_dir", str(world.results_dir), *flags]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{world.results_dir} is in use by process " in said.err
    assert said.err.count("\n") == 1
    assert {path.name for path in world.results_dir.iterdir()} == before


def test_apply_does_not_guess_the_data_while_run_json_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    results.mkdir()
    config = CleanConfig(tmp_path / "actions.csv", tmp_path / "cleaned", results)
    with locked(results, ""):
        with pytest.raises(TracInError, match=r"results is in use .*name .* with --data_dir"):
            apply_actions(config)
        with pytest.raises(TracInError, match="mine"):  # which is not there
            apply_actions(dataclasses.replace(config, data_dir=tmp_path / "mine"))


def test_files_replaced_past_the_lock_are_noticed(world: World) -> None:
    folder = world.results_dir
    with pytest.raises(TracInError, match="answer would be of two runs"), one_run(folder):
        write_run_info(folder, dataclasses.replace(read_run_info(folder), run_id="3" * 32))
    with pytest.raises(TracInError, match="answer would be of two runs"), one_run(folder):
        (folder / schema.RUN_INFO).unlink()
    with one_run(folder):
        pass
    with one_run(folder / "absent"):
        assert not (folder / "absent").exists()
