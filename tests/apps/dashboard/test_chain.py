"""The way of an order as markup: every step with its figures, where it stands, and nothing but text of others."""

import html
import re

from alpha_panda.apps.dashboard.chain import chain, exact, instant, reason_of
from tests.apps.dashboard.answering import MADE_NS, example_lineage
from tests.apps.dashboard.example import example_picture


def texts(markup: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r">([^<]+)<", markup)]


def test_it_goes_from_the_tick_over_signal_and_decision_to_order_fill_and_charges():
    kinds = re.findall(r'class="link (\w+)"', chain(example_lineage(example_picture())))
    assert kinds == ["tick", "signal", "decision", "order", "fill", "order"]


def test_each_step_says_when_where_it_stands_and_what_caused_it():
    said = texts(chain(example_lineage(example_picture())))
    assert said.count(instant(MADE_NS)) == 4
    assert "paper.signals.validated / 0, offset 48,003" in said
    assert "id 00000003" in said
    assert "from 00000002" in said


def test_a_decision_shows_what_its_rule_measured_and_allows_in_rupees():
    said = texts(chain(example_lineage(example_picture())))
    place = said.index("order value")
    assert said[place - 1 : place + 5] == ["Rule", "order value", "Measured", "₹5,69,470.00", "Allowed", "₹3,50,000.00"]


def test_the_items_of_the_charges_are_shown_and_add_up():
    markup = chain(example_lineage(example_picture()))
    listed = texts(markup[markup.index("figures charges") : markup.index("</dl>", markup.index("figures charges"))])
    amounts = [round(float(each[1:]) * 100) for each in listed if each.startswith("₹")]
    assert listed[0:2] == ["Brokerage", "₹20.00"]
    assert listed[-2] == "Charges"
    assert sum(amounts[:-1]) == amounts[-1] == 4623


def test_an_item_smaller_than_a_paisa_is_not_rounded_away():
    assert exact(34) == "₹0.0034"


def test_an_order_at_work_says_that_more_may_come():
    lineage = example_lineage(example_picture())
    assert "more may come" not in chain(lineage)
    assert "more may come" in chain(lineage.model_copy(update={"finished": False}))


def test_what_strategies_and_people_are_called_is_text():
    lineage = example_lineage(example_picture())
    evil = "<img src=x onerror=alert(1)>"
    signal = lineage.steps[1].model_copy(update={"says": lineage.steps[1].says.model_copy(update={"strategy": evil})})
    markup = chain(lineage.model_copy(update={"steps": (signal,), "reason": evil, "quote": None}))
    assert "<img" not in markup
    assert texts(markup).count(evil) == 2


def test_a_refusal_gives_its_reason_in_full():
    refused = example_picture().decisions[0]
    assert reason_of(refused) == "gross exposure ₹16,12,000.00 of ₹15,00,000.00"
