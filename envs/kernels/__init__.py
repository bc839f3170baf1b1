"""Rollouts: `glue` (rows of a rollout), `rollout` (the two loops), `lanes` (vector operations), `plan` (classes)."""
