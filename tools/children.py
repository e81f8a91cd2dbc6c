"""Child processes that do not outlive the one that started them, however it ends.

Whoever is killed (a test that ran out of time, a runner that was stopped) tidies nothing up, so the kernel has to.
Standard library only, like all of set-up.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path


def mortal(words: Sequence[str | Path]) -> list[str]:
    """The command, to be started so that it is killed when the thread that started it ends.

    Unchanged where there is no `setpriv` (it comes with every Linux distribution, and is not known elsewhere).
    """
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "KILL"] if setpriv else []), *map(str, words)]
