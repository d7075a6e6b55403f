"""How long a plan will take, how long it holds its locks, and how much room it needs: ranges, never one figure. Pure.

`values.py`  ranges, trials and rates, and what an estimate says
`work.py`    what each statement has to do, as trials on synthetic rows
`judge.py`   rates times sizes
`sorting.py` what rates of indexes on texts leave out
`show.py`    what a person sees of it
"""

from __future__ import annotations

from ops.estimate.judge import Measured, estimate
from ops.estimate.show import blocks, plain, total, words
from ops.estimate.sorting import sorting
from ops.estimate.work import works

__all__ = ["Measured", "blocks", "estimate", "plain", "sorting", "total", "words", "works"]
