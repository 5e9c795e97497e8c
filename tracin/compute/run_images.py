"""The images of a run: those that the data folder holds, and the subsets that the flags ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracin.compute.config import RunConfig
from tracin.image_folder import TEST, TRAIN, describe_left_out
from tracin.images import ImageTable, draw_subset, find_images
from tracin.layout import Layout
from tracin.wording import Say, count


@dataclass(frozen=True)
class RunImages:
    """The images of a run."""

    all_train: ImageTable
    all_test: ImageTable
    train: ImageTable
    """Those of ``all_train`` that are scored."""
    test: ImageTable
    """Those of ``all_test`` on which they are scored."""


def find_run_images(config: RunConfig, say: Say) -> RunImages:
    """Find the images and draw the subsets; say where that is not quite what was asked for.

    Raises:
        TracInError: the data folder is not as it must be.
    """
    all_train, all_test = find_images(config.data_dir, config.layout)
    if all_test.split != TEST:
        say(_in_place_of_test(config.data_dir, all_test.split))
    if config.layout.test_share is not None:
        say(_held_back(config.layout, len(all_train), len(all_test)))
    if left_out := describe_left_out(all_train.left_out + all_test.left_out):
        say(left_out)
    return RunImages(
        all_train,
        all_test,
        _drawn(all_train, config.train_subset, config.seed, say),
        _drawn(all_test, config.test_subset, config.seed, say),
    )


def _in_place_of_test(data_dir: Path, split: str) -> str:
    if (data_dir / TEST).is_dir():
        return (
            f"{data_dir / TEST} has no images in class folders: those in {data_dir / split} are "
            "the test images."
        )
    return f"{data_dir} has no {TEST}/ folder: the images in {split}/ are the test images."


def _held_back(layout: Layout, n_train: int, n_test: int) -> str:
    return (
        f"{n_test:,} of {count(n_train + n_test, 'image')} are held back as test images: with "
        f"--test_share {layout.test_share:g} and --seed {layout.seed} always the same ones. Train "
        "with the same two flags, so that the model does not know them."
    )


def _drawn(found: ImageTable, size: int | None, seed: int, say: Say) -> ImageTable:
    if size is not None and size > len(found):
        flag = "train_subset" if found.split == TRAIN else "test_subset"
        say(f"--{flag} {size}: there are only {count(len(found), 'image')}, and all are used.")
    return draw_subset(found, size, seed)
