"""torchvision, loaded without torch's compiler.

Two decorators of torchvision import that compiler for functions that nothing here uses, and with it
comes sympy: 150 MB and more than a second of every start. While torchvision loads, something stands
in the compiler's place that answers those two questions, and gives way to it at any other.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch  # noqa: F401  before the compiler's place is taken

_COMPILER = "torch._dynamo"
_UTILS = f"{_COMPILER}.utils"


class _StandIn(ModuleType):
    """A module of the compiler that is not loaded; what it does not know, the real one is asked."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _remove_stand_ins()
        return getattr(importlib.import_module(self.__name__), name)


def _undecorated(function: Any = None, *_arguments: Any, **_options: Any) -> Any:
    """``torch.compiler.disable`` where nothing is compiled."""
    return function if function is not None else lambda decorated: decorated


def _not_compiled(_device: str) -> bool:
    return False


def _remove_stand_ins() -> None:
    for name in (_COMPILER, _UTILS):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


@contextmanager
def _without_compiler() -> Iterator[None]:
    if _COMPILER in sys.modules:
        yield
        return
    compiler, utils = _StandIn(_COMPILER), _StandIn(_UTILS)
    vars(compiler).update(disable=_undecorated, utils=utils)
    vars(utils).update(is_compile_supported=_not_compiled)
    sys.modules.update({_COMPILER: compiler, _UTILS: utils})
    try:
        yield
    finally:
        _remove_stand_ins()


with _without_compiler():
    import torchvision
    from torchvision import models
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

__all__ = ["functional", "models", "torchvision", "v2"]
