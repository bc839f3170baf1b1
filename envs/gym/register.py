"""Register the native environments with Gymnasium as ``speciate/ID``, without importing Gymnasium before its time."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from envs.native import NATIVE_ENVS, native_env

__all__ = ["register_with_gymnasium"]

PREFIX = "speciate/"


def register_with_gymnasium() -> None:
    """Register now if Gymnasium is imported already, else as soon as it is."""
    module = sys.modules.get("gymnasium")
    if module is not None and hasattr(module, "register"):
        _register(module)
    elif not any(isinstance(finder, _WhenImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenImported())


def _register(gymnasium: Any) -> None:
    for env_id in NATIVE_ENVS:
        if PREFIX + env_id not in gymnasium.registry:
            gymnasium.register(
                PREFIX + env_id,
                entry_point="envs.gym.native:NativeGymEnv",
                kwargs={"native": env_id},
                max_episode_steps=native_env(env_id).max_steps,
                reward_threshold=native_env(env_id).target,
            )


class _WhenImported(MetaPathFinder):
    """Finds Gymnasium as usual, and registers the environments right after its import."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != "gymnasium":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """A loader that registers the environments after the module's own loader has run."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _register(module)

    def __getattr__(self, name: str) -> Any:  # get_source, get_resource_reader, ... of the module's own loader
        return getattr(self.loader, name)
