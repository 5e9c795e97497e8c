"""tracin.training: what it keeps, how it goes on, what it starts from, what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet50

from tests.real_data import CLASS_NAMES, animals_head, write_image_tree
from tracin.compute.config import RunConfig
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.run import run as run_tracin
from tracin.errors import TracInError
from tracin.images import Crop, find_images
from tracin.loss import Loss
from tracin.machine.processes import Processes
from tracin.results import schema
from tracin.training import outputs
from tracin.training.__main__ import _config, build_parser, main
from tracin.training.epochs import is_over
from tracin.training.images import EpochBatches, TrainingImages, choose_images, split_rows
from tracin.training.learner import Learner, mean_rate, rate_share
from tracin.training.model import build_model
from tracin.training.outputs import EpochRow
from tracin.training.run import train
from tracin.training.settings import SCRATCH, Recipe, TrainingConfig

REPOSITORY = Path(__file__).parents[2]
FLAGS = ["--from_scratch", "--head_epochs", "1", "--epochs", "2", "--checkpoints", "3"]
FLAGS += ["--batch_size", "16", "--resize_size", "36", "--crop_size", "32", "--device", "cpu"]
FLAGS += ["--num_workers", "0", "--validation_share", "0.2"]


def quiet(_text: str) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny images gain nothing from more threads, and on a busy machine lose much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image_tree(folder, train_per_class=5, test_per_class=1, size=40)
    return folder


def config(photos: Path, output: Path, *more: str) -> TrainingConfig:
    flags = ["--data_dir", str(photos), "--output_dir", str(output), *FLAGS, *more]
    return _config(build_parser().parse_args(flags))


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an uninterrupted training of three epochs."""
    output = tmp_path_factory.mktemp("trained")
    train(config(photos, output), quiet)
    return output


# ---- what is kept ----


def test_keeps_the_best_state_dict_under_its_accuracy_and_loss(trained: Path) -> None:
    history = pd.read_csv(trained / outputs.HISTORY)
    best = history[history.best].iloc[-1]
    path = trained / outputs.best_name(best.val_accuracy, best.val_loss)
    assert list(trained.glob("Resnet50*")) == [path]
    state = torch.load(path, weights_only=True)
    assert state["model.conv1.weight"].shape == (64, 3, 7, 7)
    shapes = [tuple(state[f"model.fc.{position}.weight"].shape) for position in (0, 2, 4)]
    assert shapes == [(512, 2048), (256, 512), (10, 256)]
    assert all(value.is_contiguous() for value in state.values())


def test_name_of_the_best_is_the_products() -> None:
    assert outputs.best_name(0.9796, 0.5963) == "Resnet50_animals10_val_0_9796_0_5963.pth"


def test_checkpoints_say_how_they_were_trained(trained: Path, photos: Path) -> None:
    recipe = config(photos, trained).recipe
    table, _ = find_images(photos)
    loss = choose_images(table, recipe).loss
    paths = sorted(trained.glob("checkpoint_epoch_*.pth"))
    assert [path.name for path in paths] == [outputs.checkpoint_name(epoch) for epoch in (1, 2, 3)]
    history = pd.read_csv(trained / outputs.HISTORY).set_index("epoch")
    for path in paths:
        checkpoint = load_checkpoint(path, CLASS_NAMES)
        extras = checkpoint.extras
        assert checkpoint.layer == "model.fc.4"
        assert extras["learning_rate"] == pytest.approx(history.learning_rate[extras["epoch"]])
        assert extras["label_smoothing"] == 0.1
        assert extras["class_weights"] == pytest.approx(loss.class_weights)
        assert extras["class_names"] == list(CLASS_NAMES)
        assert (extras["resize_size"], extras["crop_size"]) == (36, 32)


def test_checkpoints_give_tracin_scores_without_further_flags(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    """Scores over the kept checkpoints equal a hand-written loop in float64."""
    paths = sorted(trained.glob("checkpoint_epoch_*.pth"))
    tracin_config = RunConfig(tuple(paths), photos, tmp_path, crop=Crop(36, 32), num_workers=0)
    info = run_tracin(tracin_config, quiet)
    assert info is not None
    assert {entry.learning_rate_source for entry in info.checkpoints} == {"checkpoint"}
    transform = transforms.Compose(
        [
            transforms.Resize(36),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    expected = np.zeros((50, 10))
    for path in paths:
        content = torch.load(path, weights_only=True)
        model = resnet50(num_classes=10)
        model.fc = animals_head(10)
        state = {key[len("model.") :]: v for key, v in content["model_state_dict"].items()}
        model.load_state_dict(state)
        model.double().eval()
        loss = torch.nn.CrossEntropyLoss(
            torch.tensor(content["class_weights"], dtype=torch.float64),
            reduction="sum",
            label_smoothing=content["label_smoothing"],
        )
        gradients = []
        for split in ("train", "test"):
            rows = []
            for image, label in ImageFolder(str(photos / split), transform):
                value = loss(model(image.double()[None]), torch.tensor([label]))
                weight, bias = torch.autograd.grad(value, list(model.fc[4].parameters()))
                rows.append(torch.cat([weight.flatten(), bias]))
            gradients.append(torch.stack(rows).numpy())
        expected += content["learning_rate"] * gradients[0] @ gradients[1].T
    scores = pd.read_csv(tmp_path / schema.INFLUENCE_SCORES).to_numpy()
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()


def test_checkpoints_are_evenly_spaced_and_end_with_the_last_epoch() -> None:
    def epochs(total: int, count: int) -> tuple[int, ...]:
        return Recipe(head_epochs=0, epochs=total, checkpoints=count).checkpoint_epochs

    assert epochs(15, 5) == (3, 6, 9, 12, 15)
    assert epochs(5, 3) == (2, 3, 5)
    assert epochs(2, 5) == (1, 2)


def test_curve_and_history_cover_every_epoch(trained: Path) -> None:
    history = pd.read_csv(trained / outputs.HISTORY)
    assert list(history.epoch) == [1, 2, 3]
    assert list(history.stage) == ["head", "all", "all"]
    with Image.open(trained / outputs.CURVE) as picture:
        assert picture.width > 1000


def test_head_stage_leaves_the_backbone_as_it_was(trained: Path) -> None:
    first = torch.load(trained / "checkpoint_epoch_01.pth", weights_only=True)
    state, new = first["model_state_dict"], build_model(10, SCRATCH, seed=0).state_dict()
    changed = {key for key in new if not torch.equal(state[key], new[key])}
    assert changed == {key for key in new if key.startswith("model.fc.")}


# ---- going on ----


def test_killed_and_continued_equals_uninterrupted(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tracin.training", "--data_dir", str(photos)]
    command += ["--output_dir", str(tmp_path), *FLAGS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # sums in the same order as here
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE)
    while not (tmp_path / outputs.STATE).is_file():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # in the second or third epoch, or while it writes
    process.communicate()
    said: list[str] = []
    train(config(photos, tmp_path), said.append)
    assert said[0].startswith("Going on after epoch")
    names = sorted(path.name for path in trained.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert outputs.STATE not in names
    for name in names:
        if name.endswith((".pth", ".csv")):
            assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name


def test_finished_training_is_not_done_again(trained: Path, photos: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir()}
    result = train(config(photos, trained), quiet)
    assert result.reused
    assert [path.stem[-2:] for path in result.checkpoints] == ["01", "02", "03"]
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir()} == before


def test_other_settings_are_refused_and_name_the_difference(trained: Path, photos: Path) -> None:
    with pytest.raises(TracInError, match=r"finished training.*seed 0, now 7.*--restart"):
        train(config(photos, trained, "--seed", "7"), quiet)


def test_discard_takes_only_the_trainings_own_files(tmp_path: Path) -> None:
    own, other = tmp_path / "checkpoint_epoch_01.pth", tmp_path / "mine.pth"
    for path in (own, other, tmp_path / outputs.STATE):
        path.write_bytes(b"")
    outputs.discard(tmp_path, outputs.Manifest({}, files={own.name: "", "../x": ""}))
    assert list(tmp_path.iterdir()) == [other]


def test_damaged_checkpoint_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_epoch_01.pth"
    outputs.save({"epoch": 1}, path)
    manifest = outputs.announce(tmp_path, outputs.Manifest({}), path.name)
    finished = outputs.finish(tmp_path, manifest, {})
    assert outputs.is_whole(tmp_path, finished)
    path.write_bytes(path.read_bytes()[:-1])
    assert not outputs.is_whole(tmp_path, finished)


def test_unfinished_or_incomplete_training_is_not_taken_for_whole(trained: Path) -> None:
    manifest = outputs.read_manifest(trained)
    assert manifest is not None
    assert not outputs.is_whole(trained, replace(manifest, finished=False))
    missing = replace(manifest, files={**manifest.files, "checkpoint_epoch_09.pth": "0"})
    assert not outputs.is_whole(trained, missing)


# ---- images, schedule, stopping ----


def test_validation_split_is_stratified_and_disjoint() -> None:
    labels = np.repeat([0, 1, 2, 3], [50, 20, 2, 1])
    train_rows, kept_back = split_rows(labels, 0.1, seed=3)
    assert np.bincount(labels[kept_back], minlength=4).tolist() == [5, 2, 1, 0]
    assert sorted([*train_rows, *kept_back]) == list(range(73))
    assert len(split_rows(labels, 0.0, seed=3)[1]) == 0
    assert np.array_equal(kept_back, split_rows(labels, 0.1, seed=3)[1])
    assert not np.array_equal(kept_back, split_rows(labels, 0.1, seed=4)[1])


def test_images_depend_on_seed_epoch_and_row_alone(photos: Path) -> None:
    table, _ = find_images(photos)
    images = TrainingImages(table, Recipe(crop=Crop(36, 32)))
    first, _, _ = images[(0, 3)]
    images[(0, 4)]
    again, label, _ = images[(0, 3)]
    later, _, _ = images[(1, 3)]
    assert first is not None and again is not None and later is not None
    assert torch.equal(first, again) and not torch.equal(first, later)
    assert label == table.labels[3]


def test_processes_share_each_batch_without_overlap() -> None:
    recipe, cpu = Recipe(batch_size=8), torch.device("cpu")
    alone = EpochBatches(np.arange(50), recipe, Processes(cpu))
    shares = [EpochBatches(np.arange(50), recipe, Processes(cpu, rank, 2)) for rank in (0, 1)]
    for whole, left, right in zip(alone, *shares, strict=True):
        assert len(left) == len(right) == 4
        assert sorted(whole) == sorted(left + right)


def test_rate_rises_and_falls_in_the_second_stage() -> None:
    recipe = Recipe(head_epochs=1, epochs=10, warmup=0.1, final_rate=0.05)
    assert rate_share(recipe, 0, 0.5) == 1.0
    assert rate_share(recipe, 1, 0.5) == pytest.approx(0.5)
    assert rate_share(recipe, 2, 0.0) == pytest.approx(1.0)
    assert rate_share(recipe, 10, 1.0) == pytest.approx(0.05)
    assert mean_rate(recipe, 0, 7) == pytest.approx(recipe.learning_rate)


def test_stops_when_the_second_stage_brings_nothing_better() -> None:
    recipe = Recipe(head_epochs=2, epochs=10, patience=3)
    rows = [EpochRow(n + 1, "all", 0.1, 1.0, 0.5, 1.0, 0.5, best=n == 0) for n in range(5)]
    assert is_over(rows, recipe)
    assert not is_over(rows[:4], recipe)
    without = [replace(row, val_loss=None, val_accuracy=None, best=False) for row in rows]
    assert not is_over(without, recipe)


def test_validation_figures_do_not_depend_on_the_batch_size(photos: Path) -> None:
    from tracin.training.images import validation_loader

    table, _ = find_images(photos)
    recipe = Recipe(validation_share=0.4, crop=Crop(36, 32))
    images = choose_images(table, recipe)
    processes = Processes(torch.device("cpu"))
    learner = Learner(
        build_model(10, SCRATCH, 0), recipe, Loss(0.1, (1.0,) * 9 + (3.0,)), processes
    )
    figures = [
        learner.validate(
            validation_loader(images, replace(recipe, batch_size=size), processes, 0), table
        )
        for size in (3, 20)
    ]
    assert asdict(figures[0]) == pytest.approx(asdict(figures[1]), rel=1e-5)


# ---- weights to start from ----


def test_backbone_weights_are_taken_and_the_head_is_not(tmp_path: Path) -> None:
    donor = build_model(7, SCRATCH, seed=1)
    path = tmp_path / "resnet50.pth"
    torch.save(donor.model.state_dict(), path)
    model = build_model(10, str(path), seed=0)
    assert torch.equal(model.model.layer4[0].conv1.weight, donor.model.layer4[0].conv1.weight)
    assert model.model.fc[4].weight.shape == (10, 256)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conv1.weight": torch.zeros(3)}, "is not a torchvision ResNet50"),
        ([1, 2], "holds a list, not a state_dict"),
        (b"no pickle", "cannot be read as weights"),
    ],
)
def test_other_backbone_files_are_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(TracInError, match=message):
        build_model(10, str(path), seed=0)


def test_without_network_it_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_args: object, **_kwargs: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("torchvision.models.ResNet50_Weights.get_state_dict", no_network)
    with pytest.raises(TracInError, match=r"--backbone_weights, or train --from_scratch"):
        build_model(10, "imagenet", seed=0)


# ---- as a user runs it ----


def test_unreadable_image_is_named_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image_tree(tmp_path / "data", train_per_class=2, test_per_class=1, size=32)
    broken = tmp_path / "data" / "train" / "cat" / "cat_00001.jpg"
    broken.write_bytes(broken.read_bytes()[:100])
    flags = ["--data_dir", str(tmp_path / "data"), "--output_dir", str(tmp_path / "models")]
    assert main([*flags, *FLAGS]) == 1
    error = capsys.readouterr().err
    assert str(broken) in error and "Traceback" not in error


def test_two_processes_under_torchrun_train_one_model(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["--standalone", "-m", "tracin.training", "--data_dir", str(photos)]
    command += ["--output_dir", str(tmp_path), *FLAGS, "--epochs", "1", "--checkpoints", "1"]
    done = subprocess.run(
        command, check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Epoch 1 of 2") == 1
    assert list(pd.read_csv(tmp_path / outputs.HISTORY).stage) == ["head", "all"]
    assert load_checkpoint(tmp_path / "checkpoint_epoch_02.pth", CLASS_NAMES)
