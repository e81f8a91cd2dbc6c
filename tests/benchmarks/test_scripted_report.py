"""The figures of the scripted annotator, by hand."""

from __future__ import annotations

import json

import pytest

from benchmarks.scripted_report import Painted, Person, Record, Run, Work, json_report, markdown, summarise

PERSON = Person(click=2.0, stroke=1.0, change=0.5, speed=100.0)


def quick() -> Work:
    """Two clicks, then one stroke of 200 CSS pixels after three keys."""
    return Work([100.0, 200.0], [0.7, 0.91], 2, [Painted(50.0, 200.0, 8.0, 3, 400.0, 0.96)])


def stuck() -> Work:
    """Never good enough."""
    return Work([100.0] * 20, [0.5] * 20, 1, [Painted(10.0, 20.0, 4.0, 0, 50.0, 0.6)])


def run(*works: Work) -> Run:
    return Run("0" * 64, 5, 0, [Record("set", f"{i}.jpg", i, 100, work) for i, work in enumerate(works)])


def test_an_object_below_the_goal_counts_as_all_clicks() -> None:
    assert (quick().clicks_to(0.85), quick().clicks_counted(0.85)) == (2, 2)
    assert (stuck().clicks_to(0.85), stuck().clicks_counted(0.85)) == (None, 20)


def test_seconds_are_the_machine_s_plus_the_person_s() -> None:
    assert quick().machine_seconds(0.9) == pytest.approx(0.3)
    assert quick().person_seconds(PERSON, 0.9) == pytest.approx(4.3)
    assert quick().brush_machine_seconds == pytest.approx(0.7)
    assert quick().brush_person_seconds(PERSON) == pytest.approx(2 * 2 + 0.3 + 1 + 3 * 0.5 + 200 / 100)


def test_the_summary_holds_means_of_objects_and_of_sets() -> None:
    figures = summarise(run(quick(), stuck()), PERSON)
    assert figures["set"]["clicks to 0.85"] == 11
    assert figures["set"]["below 0.85"] == 0.5
    assert figures["set"]["below 0.95"] == 0.5
    assert figures["mean of sets"]["px painted"] == figures["set"]["px painted"] == 30


def test_the_table_names_model_and_person_and_the_json_every_object() -> None:
    done = run(quick(), stuck())
    table = markdown(done, PERSON)
    assert "Model 000000000000" in table
    assert "2 s a click" in table
    assert "| below 0.90 | 50 % | 50 % |" in table
    assert len(json.loads(json.dumps(json_report(done, PERSON)))["objects"]) == 2
