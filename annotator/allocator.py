"""Memory that the model frees stays with the process.

The encoder and the decoder free and ask for tens of megabytes many times a second. glibc hands such blocks back to the
system at once, and every block that comes back costs a page fault for each 4 kB: a third of the released encoder's
time. The settings apply to memory that is asked for afterwards, so a process makes them first; on systems without
glibc nothing happens.
"""

from __future__ import annotations

import ctypes

# From malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8

KEPT_BYTES = 1 << 30
"""Freed memory at the top of the heap beyond this goes back to the system."""


def keep_freed_memory() -> bool:
    """Apply the settings to this process; says whether its C library knows them. Calling it again changes nothing.

    One arena for all threads: glibc gives others away as soon as they are empty, whatever the thresholds say.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    wanted = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, KEPT_BYTES), (M_TRIM_THRESHOLD, KEPT_BYTES))
    return all(mallopt(option, value) == 1 for option, value in wanted)
