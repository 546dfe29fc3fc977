"""Never twice: the submissions of a task, each found again by a later try."""
