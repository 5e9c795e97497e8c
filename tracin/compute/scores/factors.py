"""Head + pooled features + labels → factors: all that influence needs of an image.

For a sample with last-layer input ``a`` and error signal ``e = ∂loss/∂logits``, the gradient of the
last Linear is ``e aᵀ`` (weight) and ``e`` (bias, where it has one). Keeping ``a`` and ``e`` keeps
the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.model.checkpoint import Checkpoint
from tracin.loss import Loss
from tracin.machine.held_rows import ROWS_PER_BLOCK
from tracin.machine.threads import one_thread_each

LINEAR_FROM = 80
"""softplus(x) = log(1 + eˣ) is taken for x from here on: near 88 eˣ leaves float32. PyTorch's own
limit is 20."""


@dataclass(frozen=True)
class Factors:
    """The factors of n images for one checkpoint; float32 but the labels."""

    activations: Tensor
    """(n, d): inputs of the last Linear."""
    logits: Tensor
    """(n, C)"""
    errors: Tensor
    """(n, C): error signals, ∂loss/∂logits."""
    labels: Tensor
    """(n,), int64"""
    bias: bool = True
    """Whether the last Linear has one."""

    @property
    def width(self) -> int:
        """Of ``inputs``: d + 1, or d."""
        return self.activations.shape[1] + self.bias

    @property
    def inputs(self) -> Tensor:
        """What the last layer's parameters are multiplied by: [a; 1] (n, d + 1), or a (n, d) where
        it has no bias.
        """
        return with_bias(self.activations, bias=self.bias)

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Factors:
        """The same factors on ``device``."""
        return self._each(lambda values: values.to(device))

    def rows(self, start: int, stop: int) -> Factors:
        """The factors of images ``start`` to ``stop``."""
        return self._each(lambda values: values[start:stop])

    def take(self, images: Tensor) -> Factors:
        """The factors of these images, by number (m,), int64, or marked (n,), bool."""
        return self._each(lambda values: values[images.to(values.device)])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Factors:
        return Factors(
            activations=change(self.activations),
            logits=change(self.logits),
            errors=change(self.errors),
            labels=change(self.labels),
            bias=self.bias,
        )


def compute_factors(
    checkpoint: Checkpoint, features: Tensor, labels: Tensor, loss: Loss | None = None
) -> Factors:
    """The factors of images with pooled ``features`` (n, m) and ``labels`` (n,).

    The head runs in float32 on the features' device; ``loss`` is plain cross-entropy where None.
    On a CPU one thread takes a block of images at a time, and several threads several blocks: a
    product that threads share rounds otherwise than one that they do not.
    """
    hidden = checkpoint.hidden.to(features.device)
    last = checkpoint.last.to(features.device)
    own = len(list(hidden.children())) > 0
    made = features.new_empty(len(features), last.in_features) if own else features
    logits = features.new_empty(len(features), last.out_features)
    errors = torch.empty_like(logits)

    def fill(start: int) -> None:
        rows = slice(start, start + ROWS_PER_BLOCK)
        with torch.inference_mode():
            if own:
                made[rows] = hidden(features[rows])
            logits[rows] = last(made[rows])
            errors[rows] = error_signals(logits[rows], labels[rows], loss)

    one_thread_each(fill, range(0, len(features), ROWS_PER_BLOCK), features.device)
    return Factors(made, logits, errors, labels, last.bias is not None)


def error_signals(logits: Tensor, labels: Tensor, loss: Loss | None = None) -> Tensor:
    """∂loss/∂logits (n, C) of the loss summed over samples: ``T·softmax(z) − t``.

    ``t`` is the target mass that ``torch.nn.CrossEntropyLoss`` puts on each class, ``T`` its sum;
    without smoothing and weights ``softmax(z) − onehot(label)``. For the given class, ``p − 1`` is
    written as minus the sum of the other probabilities: the subtraction would cancel in float32
    for confident predictions.

    Args:
        logits: (n, C)
        labels: (n,), int64
        loss: the loss the model was trained with; plain cross-entropy where None.
    """
    loss = loss or Loss()
    classes = logits.shape[1]
    weights = (
        logits.new_ones(classes)
        if loss.class_weights is None
        else (logits.new_tensor(loss.class_weights))
    )
    given = labels.unsqueeze(1)
    smooth = weights * (loss.label_smoothing / classes)  # (C,)
    own = (1.0 - loss.label_smoothing) * weights[labels].unsqueeze(1)  # (n, 1)
    others = functional.softmax(logits, dim=1).scatter(1, given, 0.0)
    probability = functional.softmax(logits, dim=1).gather(1, given)
    errors = (own + smooth.sum()) * others - smooth
    at_label = probability * (smooth.sum() - smooth[labels].unsqueeze(1)) - (
        own + smooth[labels].unsqueeze(1)
    ) * others.sum(dim=1, keepdim=True)
    return errors.scatter(1, given, at_label)


def with_bias(activations: Tensor, *, bias: bool) -> Tensor:
    """[a; 1] (n, d + 1) of ``activations`` (n, d); these themselves where there is no bias."""
    if not bias:
        return activations
    return torch.cat([activations, torch.ones_like(activations[:, :1])], dim=1)


def figures_of(factors: Factors, figure: Callable[[Factors], Tensor]) -> Tensor:
    """``figure`` (m, …) of the factors of m images, for all of them: a block of images at a time,
    so that what it computes on the way takes no memory beside them.
    """
    starts = range(0, max(1, len(factors)), ROWS_PER_BLOCK)
    return torch.cat([figure(factors.rows(start, start + ROWS_PER_BLOCK)) for start in starts])


def unit_rows(values: Tensor) -> Tensor:
    """The rows of ``values`` (n, m) at length 1; rows of zeros stay zero.

    Scaled before they are squared: an error signal of 1e-23 has a direction, and its square is
    zero in float32.
    """
    largest = values.abs().amax(dim=1, keepdim=True)
    scaled = values / torch.where(largest > 0, largest, 1.0)
    return functional.normalize(scaled, dim=1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The plain cross-entropy (n,) of the given labels, in nats; accurate near zero too."""
    margins = logits.gather(1, labels.unsqueeze(1)) - logits
    others = margins.scatter(1, labels.unsqueeze(1), torch.inf)
    return functional.softplus(torch.logsumexp(-others, dim=1), threshold=LINEAR_FROM)
