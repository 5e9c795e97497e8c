"""Names and shapes of a checkpoint's tensors → its architecture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracin.architectures import (
    ARCHITECTURE_KEY,
    COUNTER,
    FAMILIES,
    TIMM_PREFIX,
    Architecture,
    has_timm_model,
    outline,
    timm_if_installed,
    torchvision_names,
)
from tracin.compute.model.network import Shapes, body_shapes
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.wording import listed, quotable

ARCHITECTURE_KEYS = (ARCHITECTURE_KEY, "arch")
"""Under which training programs keep the name of the network."""


def recognise(shapes: Shapes, stored: Mapping[str, Any], path: Path) -> Architecture | None:
    """The architecture whose tensors have these names and shapes; None where none is known.

    A full name that the checkpoint stores settles it, as this project's training writes one. Else
    the ResNet50 is tried first, then what torchvision has of the family, then timm's of the name
    that the checkpoint stores: timm has too many to try.

    Args:
        shapes: by plain names.
        stored: what stands beside the weights.
        path: of the checkpoint, for messages.

    Raises:
        TracInError: several fit, or it is one of timm's, and timm is not installed.
    """
    full = stored.get(ARCHITECTURE_KEY)
    if isinstance(full, str) and _is_known(full):
        named = outline(full, shapes)
        if fits(named, shapes):
            return named
    found: list[Architecture] = []
    for name in _candidates(shapes, stored):
        candidate = outline(name, shapes)
        if fits(candidate, shapes):
            found.append(candidate)
            if name == DEFAULT_ARCHITECTURE:
                break
    if len(found) > 1:
        names = listed([each.name for each in found])
        raise TracInError(
            f"{path} fits several architectures: {names}. Say which it is with --architecture."
        )
    if (
        not found
        and isinstance(full, str)
        and full.startswith(TIMM_PREFIX)
        and timm_if_installed() is None
    ):
        raise TracInError(
            f"{path} holds a {quotable(full)}, and timm is not installed. Install it "
            "with: pip install timm"
        )
    return found[0] if found else None


def _is_known(full: str) -> bool:
    """Whether this is the full name of an architecture that can be built here."""
    short = full.removeprefix(TIMM_PREFIX)
    return full in torchvision_names() or (full != short and has_timm_model(short))


def _candidates(shapes: Shapes, stored: Mapping[str, Any]) -> Iterator[str]:
    family = next((FAMILIES[mark] for mark in FAMILIES if mark in shapes), ())
    yield from (name for name in torchvision_names() if name.startswith(family))
    names = [stored.get(key) for key in ARCHITECTURE_KEYS]
    for name in dict.fromkeys(name for name in names if isinstance(name, str)):
        short = name.removeprefix(TIMM_PREFIX)
        if has_timm_model(short):
            yield f"{TIMM_PREFIX}{short}"


def fits(candidate: Architecture, shapes: Shapes) -> bool:
    """Whether all but the head has the candidate's names and shapes, and the head its width.

    Without such a head there may be other tensors: they may be a head of another name.
    """
    own, body = (_uncounted(each) for each in (candidate.shapes, body_shapes(candidate, shapes)))
    in_head = [shape for key, shape in shapes.items() if candidate.in_head(key)]
    if not own.items() <= body.items() or (in_head and len(body) > len(own)):
        return False
    columns = [shape[1] for shape in in_head if len(shape) == 2]
    return not columns or not candidate.width or candidate.width in columns


def _uncounted(shapes: Shapes) -> Shapes:
    return {key: shape for key, shape in shapes.items() if not key.endswith(COUNTER)}
