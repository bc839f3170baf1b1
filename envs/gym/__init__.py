"""Gymnasium: champions judged in its environments (`judge`), ours registered with it (`register`, `native`)."""

from envs.gym.judge import Score, judge

__all__ = ["Score", "judge"]
