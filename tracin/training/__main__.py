"""Fine-tunes a network with the Animals-10 head: python -m tracin.training.

In: train/<class>/ folders of images. Out: the best weights, evenly spaced checkpoints for TracIn,
the history and its curve.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tracin.data_flags import add_data_flags, data_and_layout, flags_of_training
from tracin.flags import (
    DEFAULT_ARCHITECTURE,
    ClassWeights,
    add_crop_flags,
    add_machine_flags,
    natural_int,
    new_parser,
    positive_float,
    positive_int,
    run_command,
    seed,
    share,
    show,
)
from tracin.wording import for_the_shell

if TYPE_CHECKING:
    from tracin.training.run import TrainingResult
    from tracin.training.settings import Recipe, TrainingConfig

EXAMPLES = """\
examples:
  python -m tracin.training --data_dir data/processed --output_dir models
  python -m tracin.training --backbone_weights resnet50-11ad3fa6.pth --epochs 20
  python -m tracin.training --architecture efficientnet_b0
  torchrun --nproc_per_node 2 -m tracin.training --batch_size 128

Fine-tunes a ResNet50, or another network, with the Animals-10 head, first the head alone, then
everything. Called again after a kill it goes on after the last finished epoch. Then run what it
prints: TracIn_Resnet50.py with --model_path and the checkpoints
"""

SCRATCH_WARNING = (
    "Warning: training from scratch. With fewer than some thousand images per class, ImageNet "
    "weights give a far better model."
)
INTERRUPTED = "Interrupted: the same command goes on after the last finished epoch."


def build_parser() -> argparse.ArgumentParser:
    """The parser of this command's flags."""
    parser = new_parser(EXAMPLES, prog="python -m tracin.training")
    _add_folders(parser)
    _add_weights(parser)
    _add_schedule(parser)
    _add_images(parser)
    add_machine_flags(
        parser,
        device="auto takes the GPU where there is one, with mixed precision",
        batch_size="images in one step, over all processes together",
    )
    return parser


def _add_folders(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("from where to where")
    add_data_flags(
        group,
        data_dir="folder with train/<class>/ and test/<class>/; test/ is not looked at",
        test_list=False,
    )
    group.add_argument(
        "--output_dir",
        type=Path,
        default=Path("models"),
        metavar="FOLDER",
        help="where the weights go (default: %(default)s)",
    )
    group.add_argument(
        "--checkpoints",
        type=positive_int,
        default=5,
        metavar="N",
        help="evenly spaced, for TracIn, 100 MB each for a ResNet50 (default: %(default)s)",
    )
    group.add_argument(
        "--restart",
        action="store_true",
        help="discard the earlier training in the output folder instead of going on with it",
    )


def _add_weights(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "weights to start from (default: ImageNet weights of torchvision or timm, downloaded once)"
    )
    group.add_argument(
        "--architecture",
        default=DEFAULT_ARCHITECTURE,
        metavar="NAME",
        help="the network: torchvision's name, such as resnet18 or convnext_tiny, or timm/NAME "
        "(default: %(default)s)",
    )
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--backbone_weights",
        type=Path,
        metavar="FILE",
        help="state dict of such a network; its head is not used",
    )
    either.add_argument(
        "--from_scratch",
        action="store_true",
        help="random weights: needs many more images and epochs",
    )


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it learns")
    group.add_argument(
        "--head_epochs",
        type=natural_int,
        metavar="N",
        help="first stage, the head alone (default: 3; 0 with --from_scratch)",
    )
    group.add_argument(
        "--epochs",
        type=positive_int,
        default=12,
        metavar="N",
        help="second stage, everything (default: %(default)s)",
    )
    group.add_argument(
        "--learning_rate",
        type=positive_float,
        default=1e-3,
        metavar="RATE",
        help="of the head (default: %(default)s)",
    )
    group.add_argument(
        "--backbone_learning_rate",
        type=positive_float,
        metavar="RATE",
        help="of the rest (default: 1e-4; the head's with --from_scratch)",
    )
    group.add_argument(
        "--label_smoothing",
        type=share,
        default=0.1,
        metavar="EPSILON",
        help="0 to 1 (default: %(default)s)",
    )
    group.add_argument(
        "--class_weights",
        choices=get_args(ClassWeights),
        default="balanced",
        help="of the loss (default: %(default)s)",
    )
    _add_validation(group)
    group.add_argument("--seed", type=seed, default=0, help="(default: %(default)s)")


def _add_validation(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--validation_share",
        type=share,
        default=0.1,
        metavar="SHARE",
        help="of the training images, kept back to choose the best epoch and to stop early; 0: "
        "train on all, to the end (default: %(default)s)",
    )
    group.add_argument(
        "--patience",
        type=positive_int,
        default=4,
        metavar="N",
        help="epochs without a better validation result before it stops (default: %(default)s)",
    )


def _add_images(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it sees images")
    add_crop_flags(
        group,
        resize_size="in validation the shorter side is resized to this",
        crop_size="and the centre of this size is cut out; in training a random part is resized to "
        "this",
        otherwise="as the network's pretrained weights were shown images, ",
    )
    group.add_argument(
        "--no_flip",
        action="store_true",
        help="do not mirror images: where left and right matter, as in writing",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Train as the flags say; return the exit status."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    arguments.data_dir, arguments.layout = data_and_layout(parser, arguments)
    return run_command("tracin.training", lambda: _run(arguments), interrupted=INTERRUPTED)


def _run(arguments: argparse.Namespace) -> None:
    from tracin.training.run import train

    config = _config(arguments)
    if arguments.from_scratch and _speaks():
        print(SCRATCH_WARNING, file=sys.stderr)
    _report(train(config, say=show), config)


def _config(arguments: argparse.Namespace) -> TrainingConfig:
    from tracin.training.settings import TrainingConfig

    return TrainingConfig(
        data_dir=arguments.data_dir,
        layout=arguments.layout,
        output_dir=arguments.output_dir,
        recipe=_recipe(arguments),
        device=arguments.device,
        num_workers=arguments.num_workers,
        restart=arguments.restart,
    )


def _recipe(arguments: argparse.Namespace) -> Recipe:
    from tracin.architectures import find_name
    from tracin.pretrained import usual_preprocessing
    from tracin.training.settings import IMAGENET, SCRATCH, Augmentation, Recipe

    # A random backbone has nothing to keep: it is not frozen, and learns as fast as the head.
    scratch = arguments.from_scratch
    head_epochs, backbone_rate = arguments.head_epochs, arguments.backbone_learning_rate
    if head_epochs is None:
        head_epochs = 0 if scratch else 3
    if backbone_rate is None:
        backbone_rate = arguments.learning_rate if scratch else 1e-4
    weights, architecture = arguments.backbone_weights, find_name(arguments.architecture)
    usual = usual_preprocessing(architecture).crop
    return Recipe(
        architecture=architecture,
        backbone=SCRATCH if scratch else IMAGENET if weights is None else str(weights),
        head_epochs=head_epochs,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        backbone_learning_rate=backbone_rate,
        batch_size=arguments.batch_size,
        label_smoothing=arguments.label_smoothing,
        class_weights=arguments.class_weights,
        validation_share=arguments.validation_share,
        patience=arguments.patience,
        checkpoints=arguments.checkpoints,
        seed=arguments.seed,
        crop=replace(
            usual,
            resize_size=arguments.resize_size or usual.resize_size,
            crop_size=arguments.crop_size or usual.crop_size,
        ),
        augmentation=Augmentation(flip=not arguments.no_flip),
    )


def _speaks() -> bool:
    """Whether this is the one of torchrun's processes that speaks."""
    return os.environ.get("RANK", "0") == "0"


def _report(result: TrainingResult, config: TrainingConfig) -> None:
    from tracin.training import outputs

    if not _speaks():
        return
    folder = config.output_dir
    if result.warning:
        show(f"\n{result.warning}", error=True)
    if result.reused:
        show(f"The training in {folder} is already finished; there was nothing to do.")
    kept = [*([result.best] if result.best else []), *result.checkpoints]
    show("\nwritten  " + "\n         ".join(map(str, [*kept, folder / outputs.HISTORY])))
    show(f"         {folder / outputs.CURVE}")
    words = ["python TracIn_Resnet50.py", *flags_of_training(config.data_dir, config.layout)]
    words += ["--model_path", *map(for_the_shell, result.checkpoints)]
    show(f"\nNext: {' '.join(words)}")


if __name__ == "__main__":
    sys.exit(main())
