"""Native control environments, one a file, and the task that they make (`task`)."""
