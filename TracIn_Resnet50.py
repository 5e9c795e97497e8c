"""Which training images helped or hurt a ResNet50 on each test image: writes the influence CSV.

In: a checkpoint and a folder of images. Out: the files of the results folder, which
analyze_results.py turns into pictures.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tracin import data_flags, flags
from tracin.wording import for_the_shell

if TYPE_CHECKING:
    from tracin.compute.config import RunConfig

NAME = "TracIn_Resnet50.py"
DEFAULT_MODEL = Path("models/Resnet50_animals10_val_0_9796_0_5963.pth")
DEFAULT_OUTPUT = Path("results")

EXAMPLES = """\
examples:
  python TracIn_Resnet50.py --demo
  python TracIn_Resnet50.py --train_subset 100 --test_subset 10
  python TracIn_Resnet50.py --model_path models/mine.pth --data_dir data/mine

Scores how much each training image helped (+) or hurt (-) the model on each test image
(TracIn, Pruthi et al. 2020). Then run: python analyze_results.py
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of this script's flags."""
    parser = flags.new_parser(EXAMPLES)
    for add in (_add_inputs, _add_training, _add_scores, _add_machine):
        add(parser)
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to analyse")
    group.add_argument(
        "--model_path",
        type=Path,
        nargs="+",
        default=[DEFAULT_MODEL],
        metavar="FILE",
        help="checkpoint of the network (.pth, .pt, .safetensors); several: influence is summed "
        f"over them (default: {DEFAULT_MODEL})",
    )
    group.add_argument(
        "--architecture",
        default="",
        metavar="NAME",
        help="the network's name in torchvision, or timm/NAME in timm (default: recognised from "
        "the checkpoint)",
    )
    data_flags.add_data_flags(
        group, data_dir="folder with train/<class>/ and test/<class>/", test_list=True
    )
    group.add_argument(
        "--output_dir",
        type=Path,
        default=DEFAULT_OUTPUT,
        metavar="FOLDER",
        help="where the results go; a former run's files there are replaced (default: %(default)s)",
    )
    _add_subsets(group)
    group.add_argument(
        "--on_error",
        choices=get_args(flags.OnError),
        default="stop",
        help="at an image that cannot be read (default: %(default)s)",
    )
    group.add_argument(
        "--demo",
        action="store_true",
        help="make a small real data set with planted wrong labels, train a ResNet50 on it, and "
        "analyse that; takes minutes, needs nothing else",
    )


def _add_subsets(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--train_subset",
        type=flags.positive_int,
        metavar="N",
        help="only N training images, spread over the classes (default: all)",
    )
    group.add_argument(
        "--test_subset",
        type=flags.positive_int,
        metavar="N",
        help="only N test images, spread over the classes (default: all)",
    )
    group.add_argument(
        "--seed",
        type=flags.seed,
        default=0,
        help="of the subsets and of --test_share (default: %(default)s)",
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how the model was trained and sees images")
    group.add_argument(
        "--learning_rate",
        type=flags.positive_float,
        nargs="+",
        metavar="RATE",
        help="one for all checkpoints or one for each (default: what the checkpoint stores, else "
        "1e-4)",
    )
    group.add_argument(
        "--label_smoothing",
        type=flags.share,
        metavar="EPSILON",
        help="of the training loss, 0 to 1 (default: what the checkpoint stores, else 0)",
    )
    group.add_argument(
        "--class_weights",
        choices=get_args(flags.ClassWeights),
        help="of the training loss (default: what the checkpoint stores, else none)",
    )
    group.add_argument(
        "--head_activation",
        choices=get_args(flags.HeadActivation),
        help="between the Linears of a head of your own (default: what the checkpoint stores, "
        "else leaky_relu, slope 0.01)",
    )
    flags.add_crop_flags(
        group,
        resize_size="the shorter side of an image is resized to this",
        crop_size="then the centre of this size is cut out",
        otherwise="what the checkpoint stores, else ",
    )
    group.add_argument(
        "--resize_mode",
        choices=get_args(flags.ResizeMode),
        help="square: both sides become --resize_size long, which distorts (default: what is usual "
        "for the network: shorter for a ResNet50)",
    )
    group.add_argument(
        "--interpolation",
        choices=get_args(flags.Interpolation),
        help="of the pixels of a resized image (default: what the checkpoint stores, else what is "
        "usual for the network: bilinear for a ResNet50)",
    )
    for name, meaning in (("mean", "taken off the"), ("std", "divides the")):
        group.add_argument(
            f"--{name}",
            type=flags.colour(name),
            nargs=3,
            metavar=("RED", "GREEN", "BLUE"),
            help=f"{meaning} pixels, 0 to 1 (default: what the checkpoint stores, else what is "
            "usual for the network: ImageNet's for a ResNet50)",
        )


def _add_scores(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is computed")
    group.add_argument(
        "--method",
        choices=get_args(flags.Method),
        default="tracin",
        help="tracin: which images trained the model this way; gauss_newton: what the model would "
        "be without them, closer to retraining and slower (default: %(default)s)",
    )
    group.add_argument(
        "--damping",
        type=flags.positive_float,
        default=0.1,
        metavar="FACTOR",
        help="of gauss_newton, in mean eigenvalues of its matrix (default: %(default)s)",
    )
    group.add_argument(
        "--top_k",
        type=flags.positive_int,
        default=10,
        metavar="K",
        help="proponents and opponents listed for each test image (default: %(default)s)",
    )
    group.add_argument(
        "--max_suspects",
        type=flags.natural_int,
        default=500,
        metavar="N",
        help="training images, and test images, listed at most whose labels look wrong (default: "
        "%(default)s)",
    )


def _add_machine(parser: argparse.ArgumentParser) -> None:
    group = flags.add_machine_flags(
        parser,
        device="auto takes the GPU where there is one",
        batch_size="images in one forward pass",
    )
    group.add_argument(
        "--precision",
        choices=get_args(flags.Precision),
        default="float32",
        help="of the backbone; bfloat16 is faster and approximate (default: %(default)s)",
    )
    group.add_argument(
        "--cache_dir",
        type=Path,
        metavar="FOLDER",
        help="where each image's feature is kept, so that it is computed only once (default: "
        "features/ in the output folder)",
    )
    group.add_argument("--no_cache", action="store_true", help="keep no features")
    group.add_argument(
        "--no_matrix",
        action="store_true",
        help="do not write influence_scores.csv, only the summaries and lists; for data sets whose "
        "matrix is too large to keep",
    )
    group.add_argument(
        "--dry_run", action="store_true", help="say what would be computed and written, and end"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 after an error that the user can put right, or 130 after Ctrl-C."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    arguments.data_dir, arguments.layout = data_flags.data_and_layout(parser, arguments)
    if arguments.demo:
        _check_demo(parser, arguments)
    command = (NAME, *(sys.argv[1:] if argv is None else argv))
    return flags.run_command(
        NAME,
        lambda: _run(arguments, command),
        interrupted="Interrupted. Run the same command again to go on.",
    )


def _check_demo(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        parser.error("--demo makes data and trains a model in one process: run it without torchrun")
    if arguments.dry_run:
        parser.error("--demo makes data and trains a model first: it cannot be a --dry_run")
    own = [parser.get_default("model_path"), parser.get_default("data_dir")]
    if [arguments.model_path, arguments.data_dir] != own or not arguments.layout.is_tree:
        parser.error("--demo brings its own --model_path and images")


def _run(arguments: argparse.Namespace, command: tuple[str, ...]) -> None:
    from tracin.compute.console import report, warning
    from tracin.compute.run import run

    planted = _make_demo(arguments) if arguments.demo else None
    info = run(_config(arguments, command), say=flags.show)
    if info is None:  # a dry run, or not the process of torchrun that speaks
        return
    if said := warning(info):
        flags.show(f"\n{said}", error=True)
    flags.show(report(info, arguments.output_dir))
    if planted:
        _report_planted(arguments.output_dir, planted)
    flags.show(f"\nNext: {_next_command(arguments.output_dir)}")


def _make_demo(arguments: argparse.Namespace) -> Path:
    """The list of the demo's wrong labels; the flags are turned to its data and checkpoints."""
    from tracin.demo import make_demo

    demo = make_demo(seed=arguments.seed)
    arguments.model_path = list(demo.checkpoints)
    arguments.data_dir = demo.data_dir
    arguments.resize_size, arguments.crop_size = demo.resize_size, demo.crop_size
    return demo.planted_labels


def _config(arguments: argparse.Namespace, command: tuple[str, ...]) -> RunConfig:
    from tracin.compute.config import RunConfig

    return RunConfig(
        model_paths=tuple(arguments.model_path),
        data_dir=arguments.data_dir,
        layout=arguments.layout,
        architecture=arguments.architecture,
        output_dir=arguments.output_dir,
        train_subset=arguments.train_subset,
        test_subset=arguments.test_subset,
        batch_size=arguments.batch_size,
        learning_rates=tuple(arguments.learning_rate or ()),
        label_smoothing=arguments.label_smoothing,
        class_weights=arguments.class_weights,
        head_activation=arguments.head_activation,
        method=arguments.method,
        damping=arguments.damping,
        top_k=arguments.top_k,
        max_suspects=arguments.max_suspects,
        device=arguments.device,
        num_workers=arguments.num_workers,
        precision=arguments.precision,
        seed=arguments.seed,
        resize_size=arguments.resize_size,
        crop_size=arguments.crop_size,
        resize_mode=arguments.resize_mode,
        interpolation=arguments.interpolation,
        mean=arguments.mean and tuple(arguments.mean),
        std=arguments.std and tuple(arguments.std),
        skip_unreadable=arguments.on_error == "skip",
        cache_dir=arguments.cache_dir,
        use_cache=not arguments.no_cache,
        matrix=not arguments.no_matrix,
        dry_run=arguments.dry_run,
        command=command,
    )


def _report_planted(output_dir: Path, planted: Path) -> None:
    from tracin.demo import count_found
    from tracin.wording import count

    found, total = count_found(output_dir, planted)
    if total:
        flags.show(
            f"\nThis run has {count(total, 'wrong training label')}, made on purpose ({planted}).\n"
            f"{found} of them ({found / total:.0%}) stand among the {total} most suspicious images."
        )


def _next_command(output_dir: Path) -> str:
    """The command that draws these results, for the shell; of the package where it is installed."""
    installed = Path(sys.argv[0]).stem == "tracin"
    where = "" if output_dir == DEFAULT_OUTPUT else f" --results_dir {for_the_shell(output_dir)}"
    return ("tracin-analyze" if installed else "python analyze_results.py") + where


if __name__ == "__main__":
    sys.exit(main())
