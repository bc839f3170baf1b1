"""Speciate: where genomes are judged.

Read `task` (what an algorithm sees), `xor` (the smallest task), `native` and `control.cartpole` (an environment as
scalar functions), `picture` (how it is drawn), `rollout` (whole populations play it), `control.task`, `gym`; and for
tables of data `rows`, `losses`, `measuring` (losses and gradients of whole populations), `supervised`.
"""

from envs.gym.register import register_with_gymnasium
from envs.native import NativeEnv, NativeEnvError, native_env
from envs.task import Key, Task

__all__ = ["Key", "NativeEnv", "NativeEnvError", "Task", "native_env"]

register_with_gymnasium()
