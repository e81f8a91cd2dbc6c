"""A scripted annotator on labelled photographs: how many clicks, strokes and seconds an object takes in the real page.

    python -m benchmarks.scripted_annotator --data FOLDER [--sets davis coco_mval] [--objects 50]

FOLDER holds COCO sets: `<set>/images/` and `<set>/instances.json`. Each object is clicked by the paper's protocol:
the first click is the pixel of the mask farthest from its boundary, each next one the deepest pixel of the largest
region of error, foreground or background; until IoU 0.90, at most 20 times. An object that stays below counts 20
clicks, and the share of such objects is reported. Then the brush: the annotator goes back to the best of the first
clicks (`--hand-over`) and paints (`scripted_strokes.py`) until IoU 0.95, with at most 30 strokes. Each object is
saved, and what the server stores must be the mask that was shown.

Machine seconds are measured: from each click until its mask is on screen, from each stroke's start until its end
is. What a person adds is a model, stated in the report: seconds per click, per stroke, per change of tool or size,
and the speed of the hand. The pictures stay where they are; only numbers and file names are written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from annotator.evaluation.clicks import Bitmap, Click, first_click, iou, next_click
from annotator.evaluation.objects import LabelledObject, read_objects
from annotator.masks import decode, parse_rle
from benchmarks import results
from benchmarks import workbench_scenes as scenes
from benchmarks.run import SECTIONS
from benchmarks.scripted_page import Hands
from benchmarks.scripted_report import (
    BRUSH_GOAL,
    GOALS,
    MOST_CLICKS,
    Painted,
    Person,
    Record,
    Run,
    Work,
    json_report,
    markdown,
)
from benchmarks.scripted_strokes import next_stroke
from benchmarks.workbench_page import browser, opened, workbench
from tools.real_server import Api, RealServer

CLICK_GOAL = max(GOALS)
MOST_STROKES = 30
OUTPUT = Path(__file__).parent / ".cache" / "scripted_annotator.json"
MIMES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
SECTION = "scripted_annotator"
EXACT = 1e-9


def annotate(hands: Hands, wanted: Bitmap, hand_over: int) -> tuple[Work, Bitmap]:
    """One object from the first click to the last stroke; what it took, and the mask as it is shown then."""
    work = Work()
    shown = _clicked(hands, wanted, work)
    began = max(range(min(hand_over, len(work.ious))), key=lambda index: work.ious[index])
    work.clicks_before_brush = began + 1
    if went_on := len(work.ious) - work.clicks_before_brush:
        hands.undo(went_on)
        shown = hands.mask()
        if abs(iou(shown, wanted) - work.ious[began]) > EXACT:
            raise RuntimeError(f"undoing {went_on} clicks did not bring the earlier mask back")
    return work, _painted(hands, wanted, shown, work)


def _clicked(hands: Hands, wanted: Bitmap, work: Work) -> Bitmap:
    click: Click | None = first_click(wanted)
    shown = wanted & False
    while click is not None and len(work.ious) < MOST_CLICKS and hands.can_click(click):
        work.click_ms.append(hands.click(click))
        shown = hands.mask()
        work.ious.append(iou(shown, wanted))
        if work.ious[-1] >= CLICK_GOAL:
            break
        click = next_click(shown, wanted)
    return shown


def _painted(hands: Hands, wanted: Bitmap, shown: Bitmap, work: Work) -> Bitmap:
    reached = iou(shown, wanted)
    if reached < BRUSH_GOAL:
        hands.look_closer(wanted)
    while reached < BRUSH_GOAL and len(work.strokes) < MOST_STROKES:
        stroke = next_stroke(shown, wanted)
        if stroke is None:
            break
        milliseconds, travel, changes = hands.paint(stroke)
        shown = hands.mask()
        reached = iou(shown, wanted)
        work.strokes.append(Painted(stroke.travel, travel, stroke.radius, changes, milliseconds, reached))
    return shown


def measure(api: Api, started: Browser, chosen: list[LabelledObject], hand_over: int, seed: int) -> Run:
    """Every object in its order, image by image; objects of one image stay on it."""
    project, _ = scenes.new_project(api, "scripted annotator")
    images = _upload(api, project, chosen)
    scenes.wait_for_embeddings(api, project)
    records: list[Record] = []
    digest = ""
    for path, image in images.items():
        digest = api.get(f"/images/{image}").body["embedding"]["model_digest"]
        with workbench(started, api) as page:
            opened(page, project, image)
            hands = Hands(page, seed + image)
            for item in (each for each in chosen if each.path == path):
                wanted = item.mask()
                work, shown = annotate(hands, wanted, hand_over)
                hands.finish(save=bool(shown.any()))
                records.append(Record(item.dataset, path.name, item.number, item.area, work))
                _check_saved(api, image, shown)
                print(records[-1].line(len(records), len(chosen)), flush=True)
    return Run(digest, hand_over, seed, records)


def _upload(api: Api, project: int, chosen: list[LabelledObject]) -> dict[Path, int]:
    client = scenes.Client(api)
    paths = dict.fromkeys(item.path for item in chosen)
    images = {
        path: client.upload(project, path.name, path.read_bytes(), MIMES[path.suffix.lower()])["id"]
        for path in paths
    }
    client.close()
    return images


def _check_saved(api: Api, image: int, shown: Bitmap) -> None:
    """The newest object on the server is the mask that was shown. Raises RuntimeError when it is not."""
    if not shown.any():
        return
    saved = max(api.get(f"/images/{image}/annotations").body["annotations"], key=lambda each: each["z"])
    stored = decode(parse_rle(saved["segmentation"])).astype(bool)
    if iou(stored, shown) < 1:
        raise RuntimeError(f"image {image}: the server holds another mask than the page showed")


def main() -> None:
    parser = argparse.ArgumentParser(description="Annotate labelled photographs by script, in the real page.")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of COCO sets")
    parser.add_argument("--sets", nargs="+", default=["davis", "coco_mval"], metavar="NAME")
    parser.add_argument("--objects", type=int, default=50, metavar="N", help="objects per set")
    parser.add_argument("--half", choices=("tuning", "held", "all"), default="all")
    parser.add_argument("--hand-over", type=int, default=5, metavar="N", help="clicks before the brush")
    parser.add_argument("--seed", type=int, default=0, help="of the hand's trembling")
    parser.add_argument("--click-seconds", type=float, default=Person.click)
    parser.add_argument("--stroke-seconds", type=float, default=Person.stroke)
    parser.add_argument("--change-seconds", type=float, default=Person.change)
    parser.add_argument("--hand-speed", type=float, default=Person.speed, help="CSS pixels a second")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="JSON with every object")
    parser.add_argument("--no-results", action="store_true", help="leave RESULTS.md as it is")
    arguments = parser.parse_args()
    person = Person(
        arguments.click_seconds, arguments.stroke_seconds, arguments.change_seconds, arguments.hand_speed
    )
    chosen = read_objects(arguments.data, tuple(arguments.sets), arguments.half, arguments.objects)
    where = results.machine()
    with (
        tempfile.TemporaryDirectory(prefix="scripted-annotator-") as folder,
        RealServer(Path(folder) / "instance", {"ANNOTATOR_DEMO": "false"}) as server,
        browser() as started,
    ):
        api = Api(server.base_url, server.link)
        run = measure(api, started, chosen, arguments.hand_over, arguments.seed)
    table = markdown(run, person)
    print(table)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(json_report(run, person), indent=1) + "\n")
    if not arguments.no_results:
        results.write({SECTION: results.section(table, where)}, SECTIONS)


if __name__ == "__main__":
    main()
