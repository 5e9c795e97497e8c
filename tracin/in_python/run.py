"""A module and two data sets → the run of the first script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from tracin.compute.config import RunConfig
from tracin.compute.console import report, warning
from tracin.compute.run import run
from tracin.errors import TracInError
from tracin.image_folder import TEST, TRAIN
from tracin.in_python.arguments import check_arguments, check_class_names
from tracin.in_python.data_set import classes_of, is_random
from tracin.in_python.listed import (
    ListedSide,
    common_folder,
    list_side,
    write_list,
)
from tracin.in_python.source import InMemory
from tracin.layout import ImageList, Layout
from tracin.places import check_folders
from tracin.results.run_info import RunInfo
from tracin.results.schema import IMAGES
from tracin.wording import Say, first_few


@dataclass(frozen=True)
class Given:
    """What was handed over in Python."""

    model: nn.Module
    data_sets: tuple[Any, Any]
    """Training and test images."""
    layer: str
    checkpoints: tuple[Path, ...]
    class_names: tuple[str, ...]


def compute_given(config: RunConfig, given: Given, say: Say) -> RunInfo:
    """Write the files of the results folder; return the record of what was done.

    Args:
        config: all but the model and the images.
        given: these.
        say: takes notices, and what the script prints at the end.

    Raises:
        TracInError: a fact about the model, the data or the machine that the user can change.
    """
    if not isinstance(given.model, nn.Module):
        raise TracInError(
            f"model is a {type(given.model).__name__}, and a torch.nn.Module is needed. A "
            "checkpoint file is scored by TracIn_Resnet50.py, or name it with checkpoints=."
        )
    check_arguments(config)
    check_class_names(given.class_names)
    folder = config.output_dir.absolute() / IMAGES
    check_folders(folder.parent, [folder / TRAIN / "file", folder / TEST / "file"])
    try:
        sides = _sides(given, folder, skip=config.skip_unreadable)
        data_dir = common_folder(sides)
        lists = [write_list(side, data_dir, folder) for side in sides]
    except OSError as error:
        raise TracInError(
            f"Cannot write to {config.output_dir} ({error}). Make room there, or name another "
            "folder with results=."
        ) from error
    _refuse_empty_classes(sides[0])
    for side in sides:
        if side.example is not None and is_random(side.data_set):
            say(
                f"Note: the data set {side.side} gives another tensor when it is asked for an "
                "image again. The scores are of one draw of it: labels may look wrong that are "
                "not. Give the transform that the model was tested with."
            )
        if side.unusable:
            say(f"Left out, {len(side.unusable):,} in all: {first_few(side.unusable, limit=2)}.")
    if any(side.stretched for side in sides):
        say(
            "Note: the data set does not tell how it normalised its tensors: in the pictures of "
            "them the darkest value is black and the lightest white. The scores do not change."
        )
    config = replace(
        config,
        model_paths=given.checkpoints or (Path(type(given.model).__name__),),
        data_dir=data_dir,
        layout=Layout(ImageList(str(lists[0])), ImageList(str(lists[1]))),
        use_cache=False,  # by weights alone a network whose code was changed is not told apart
    )
    source = InMemory(config, given.model, given.checkpoints, given.layer, sides)
    info = run(config, say, source)
    if info is None:
        raise TracInError("tracin.compute is for one process: use the script under torchrun.")
    if said := warning(info):
        say(said)
    say(report(info, config.output_dir))
    return info


def _refuse_empty_classes(train: ListedSide) -> None:
    if empty := [name for name in train.classes if name not in train.labels]:
        raise TracInError(
            f"The data set train has no image of {first_few(empty)}, and one of each class is "
            "needed that the model tells apart. Add some."
        )


def _sides(given: Given, folder: Path, *, skip: bool) -> tuple[ListedSide, ListedSide]:
    train, test = given.data_sets
    named = [classes_of(each) for each in given.data_sets]
    if given.class_names and all(named) and named[0] != named[1]:
        raise TracInError(
            "The data sets number their classes differently, so class_names= cannot serve both: "
            f"train has {first_few(named[0])}, test has {first_few(named[1])}. Leave it out, or "
            "give both the same classes."
        )
    first = list_side(train, TRAIN, folder / TRAIN, given.class_names, skip=skip)
    second = list_side(*(test, TEST, folder / TEST, given.class_names, first.classes), skip=skip)
    if (first.example is None) != (second.example is None):
        raise TracInError(
            "One of the data sets gives tensors and the other pictures. Give both the transform "
            "that the model was tested with, or neither."
        )
    return first, second
