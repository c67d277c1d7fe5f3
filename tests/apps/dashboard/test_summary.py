"""What the overview says is what the account said, in words, and why there is nothing where there is nothing."""

from alpha_panda.apps.dashboard import summary
from alpha_panda.apps.desk import models
from tests.apps.dashboard.example import empty_picture, example_picture


def test_the_first_figures_are_the_accounts_own():
    account = example_picture().account
    values = {figure["name"]: figure["value"] for figure in summary.figures(example_picture())}
    assert account is not None
    assert account.day_pnl_e4 == 35_904_700
    assert values == {
        "Day P&L": "+₹3,590.47",
        "Equity": "₹10,03,590.47",
        "Realised": "+₹3,014.50",
        "Unrealised": "+₹1,733.75",
        "Exposure": "₹13,15,908.75",
        "Open orders": "1",
    }


def test_positions_of_a_store_that_is_behind_say_until_when_they_are_so():
    picture = example_picture()
    log, store, folder = picture.sources
    behind = store.model_copy(update={"well": False, "market_ns": picture.taken_ns, "behind": 7})
    unknown = behind.model_copy(update={"market_ns": 0})

    assert summary.portfolio_age(picture) == ""
    for source, says in ((behind, "as they were at 14:15:00 in the market"), (unknown, "perhaps old")):
        assert summary.portfolio_age(picture.model_copy(update={"sources": (log, source, folder)})) == says
    assert summary.portfolio_age(empty_picture()) == ""


def test_a_figure_that_the_account_did_not_report_is_a_dash():
    picture = example_picture()
    assert picture.account is not None
    account = picture.account.model_copy(update={"realised_e4": None, "orders_working": None})
    shown = {figure["name"]: figure for figure in summary.figures(picture.model_copy(update={"account": account}))}
    assert [shown[name]["value"] for name in ("Realised", "Open orders")] == ["–", "–"]
    assert shown["Realised"]["sense"] == ""


def test_before_any_report_every_figure_is_a_dash_in_its_place():
    before, after = summary.figures(empty_picture()), summary.figures(example_picture())
    assert [figure["name"] for figure in before] == [figure["name"] for figure in after]
    assert {figure["value"] for figure in before} == {"–"}


def limit(used: float, allowed: float, is_ratio: bool = True) -> models.Limit:
    return models.Limit(name="day_loss_halt", used=used, allowed=allowed, is_ratio=is_ratio, action="it halts")


def test_a_limit_warns_from_four_fifths_on_and_alarms_when_it_is_reached():
    tones = [summary.limit_row(limit(used, 0.02))["tone"] for used in (0.0, 0.0159, 0.016, 0.0199, 0.02, 0.03)]
    assert tones == ["", "", "near", "near", "over", "over"]


def test_a_limit_that_is_switched_off_says_so():
    row = summary.limit_row(limit(0.5, 0.0))
    assert (row["text"], row["tone"], row["share"]) == ("off", "off", 0.0)


def test_a_limit_says_what_is_used_of_what_is_allowed():
    assert summary.limit_row(limit(0.0123, 0.05))["text"] == "1.2 % of 5.0 %"
    assert summary.limit_row(limit(3, 10, is_ratio=False))["text"] == "3 of 10"


def test_it_is_said_why_nothing_is_held():
    picture = example_picture()
    assert summary.why_flat(picture) == "No open positions: 2 of 3 strategies running, the market is open."
    assert picture.feed is not None
    closed = picture.model_copy(update={"feed": picture.feed.model_copy(update={"market_open": False})})
    assert summary.why_flat(closed).endswith("the market is closed.")
    assert summary.why_flat(empty_picture()) == "No session has begun. Start one with make live."
