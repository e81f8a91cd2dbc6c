"""The three stages of a project (paper §4). A stage changes only through which images people are led, in which order.

Assisted-manual: the open images as they come. Semi-automatic: those that have proposals first. Fully automatic: a
sample of them, drawn by their content, so that it is the same for everybody and at any time.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, true

from annotator.models import Image, Project

RANK = 2**40
"""More than any position: images without proposals come after all that have some."""

SAMPLE_DIGITS = 8  # hexadecimal digits of the content hash that draw the sample


def sampled(project: Project) -> ColumnElement[bool]:
    """Which images the project's stage wants people to go through at all."""
    if project.stage != "fully_automatic" or project.sample_share >= 1:
        return true()
    # The last digits: splits for training are commonly drawn by the first ones, and the two should be independent.
    drawn = func.substr(Image.sha256, 65 - SAMPLE_DIGITS)
    limit = int(project.sample_share * 16**SAMPLE_DIGITS)
    return drawn < f"{limit:0{SAMPLE_DIGITS}x}"


def order(project: Project) -> ColumnElement[int]:
    """The queue's order as one number, the position in the project except where proposals come first."""
    if project.stage == "assisted_manual":
        return Image.position.expression
    return cast(case((Image.proposal_count > 0, 0), else_=1), BigInteger) * RANK + Image.position
