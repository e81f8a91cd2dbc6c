from __future__ import annotations

import platform
import subprocess
import sys
import textwrap

import pytest

from annotator.allocator import keep_freed_memory

GLIBC = platform.libc_ver()[0] == "glibc"


def page_faults(settings: str) -> int:
    """Of a new process that takes, touches and frees 40 MB thirty times."""
    program = f"""
        import resource, numpy
        from annotator.allocator import keep_freed_memory
        {settings}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(30):
            numpy.empty(40 << 20, numpy.uint8).fill(1)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    """
    words = [sys.executable, "-c", textwrap.dedent(program)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not GLIBC, reason="another C library")
def test_freed_blocks_come_back_without_page_faults() -> None:
    assert keep_freed_memory() is True
    assert page_faults("keep_freed_memory()") * 5 < page_faults("")


def test_a_c_library_without_the_settings_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert keep_freed_memory() is False
