"""`python -m benchmarks.click_page [--quick]`: one JSON line per number."""

from benchmarks.click_page import main

main()
