"""What the provider costs, measured beside what the same would cost otherwise, in one run.

A benchmark is a module with a function ``run`` that yields the lines of its report; the first line
of its docstring is the heading. It is named in ``__main__.BENCHMARKS``. Timings are ratios and are
never asserted. What a benchmark does is checked, though: one that has not done what it measures
raises :class:`~tests.benchmarks.measuring.NotMeasuredError`.
"""
