"""What the account's stage reports is the account's own record, to the E4, and what its books come to adds up."""

from alpha_panda.kernels.risk import CODES
from alpha_panda.live.payloads import Names
from alpha_panda.live.watch import figures as reported
from alpha_panda.live.watch.figures import account_figures
from tests.market import TUESDAY, Desk, at, clock, path, profile, shares, strategy_terms, tick

TOKENS = (738561, 408065)
TEN = {"size": {"mode": "units", "value": 10}}


def figures(desk: Desk) -> dict[str, float]:
    """Return what is reported of an account of two strategies and two instruments."""
    return account_figures(desk.stage, Names(desk.stage.strategies, TOKENS))


def two_books(*more: object) -> Desk:
    """Return an account with a long and a short book, one closed on the day, and perhaps more of the market."""
    terms = profile(strategy_terms("one", **TEN), strategy_terms("two", **TEN))
    events = [*path("10:00", 100, 100, 101), *path("10:00:03", 50, 50, 49, index=1), *more]
    wanted = [(0, 1.0, 0, 0), (0, 0.5, 0, 1), (1, 0.0, 0, 1), (3, -1.0, 1, 1)]
    return Desk(events, *wanted, terms=terms, universe=shares(2))


def test_every_figure_is_the_accounts_own():
    desk = two_books()
    told, account = figures(desk), desk.account
    names = ("equity_e4", "cash_e4", "realised_e4", "unrealised_e4", "day_base_e4", "drawdown_base_e4", "peak_e4")
    assert [told[name] for name in names] == [account[name] for name in names]
    counts = ("signals", "orders_made", "events", "positions", "halt_code")
    assert [told[name] for name in counts] == [account[name] for name in counts]
    assert told["charges_e4"] == account["charges"]["total_e4"] > 0
    assert told["equity_e4"] == account["initial_e4"] + told["realised_e4"] + told["unrealised_e4"] - told["charges_e4"]


def test_the_books_add_up_to_the_account():
    told = figures(two_books())
    of_books = {name: value for name, value in told.items() if name.startswith("unrealised_e4.")}
    # Ten bought at 100 and now at 101; ten sold at 50 and now at 49; the third is flat.
    assert of_books == {
        "unrealised_e4.one:738561": 100_000,
        "unrealised_e4.two:408065": 100_000,
        "unrealised_e4.two:738561": 0,
    }
    assert sum(of_books.values()) == told["unrealised_e4"]
    assert (told["last_e4.738561"], told["last_e4.408065"]) == (1_010_000, 490_000)


def test_a_book_that_closed_on_another_day_is_no_longer_told():
    told = figures(two_books(clock("00:00", TUESDAY), tick("10:00", 100, date=TUESDAY)))
    assert "unrealised_e4.two:738561" not in told
    assert told["unrealised_e4.one:738561"] == 0
    assert told["last_e4.738561"] == 1_000_000


def test_a_book_that_never_traded_is_not_told():
    told = figures(Desk(path("10:00", 100, 100), terms=profile(strategy_terms("one")), universe=shares(2)))
    assert not [name for name in told if name.startswith(("unrealised_e4.", "last_e4."))]


def test_open_books_are_told_before_closed_ones_where_there_are_many(monkeypatch):
    monkeypatch.setattr(reported, "BOOKS_MOST", 1)
    of_books = [name for name in figures(two_books()) if name.startswith("unrealised_e4.")]
    assert of_books == ["unrealised_e4.one:738561", "unrealised_e4.two:408065"]


def test_the_limit_that_halts_is_told_by_its_code():
    terms = profile(strategy_terms("one", capital=1_000, **TEN), risk={"day_loss_halt": 0.03})
    desk = Desk(path("10:00", 100, 100, 95), (0, 1.0), terms=terms, universe=shares(2))
    assert CODES[int(figures(desk)["halt_code"])] == "day_loss_halt"


def test_what_orders_at_work_would_open_is_told_as_the_risk_rules_count_it():
    terms = profile(strategy_terms("one", entry={"order_type": "LIMIT", "offset_ticks": 20}, **TEN))
    told = figures(Desk(path("10:00", 100, 100, 101), (0, 1.0), terms=terms, universe=shares(2)))
    # Ten units wait for a price a rupee lower, and are worth what they are at the last one.
    assert (told["orders_working"], told["opening_e4"], told["opening_positions"]) == (1, 10_100_000, 1)


def test_a_price_is_told_with_its_time():
    assert figures(two_books())["last_us.738561"] == at("10:00:02") / 1_000
