"""Which worker of pytest-xdist runs which test file: one browser at a time, for as long as there is other work.

The first worker takes the browser's files, those with most tests first; the others take all other files. Who has no
file of their own kind left takes the other kind's last one. A file stays with one worker: its fixtures are made once.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

BROWSER = "tests/browser/"


class FilesByKind(LoadFileScheduling):
    """pytest-xdist's scheduling by file, with a say in which file comes next."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        drives_the_browser = node is self.nodes[0]
        own = (file for file in self.workqueue if file.startswith(BROWSER) == drives_the_browser)
        following = next(own, None) or next(reversed(self.workqueue))
        self.workqueue.move_to_end(following, last=False)
        super()._assign_work_unit(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker has died: its other tests wait again; the one that killed it fails and is not repeated."""
        files = self.assigned_work.pop(node)
        waiting = [(tests, test) for tests in files.values() for test, done in tests.items() if not done]
        if not waiting:
            return None
        tests, fatal = waiting[0]
        tests[fatal] = True
        self.workqueue.update((file, tests) for file, tests in files.items() if not all(tests.values()))
        for other in self.nodes:
            self._reschedule(other)
        return fatal
