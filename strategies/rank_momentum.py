"""Every `rebalance` bars, hold the `top` instruments of the universe by return over the last `lookback` bars.

Each of them gets the exposure 1/top, every other none. Bars are counted for the universe as a whole, by their times.
Ranked is what traded in the latest bar and had a price `lookback` bars before; of equal returns, the first listed wins.
"""

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import oldest, push, window

PARAMETERS = {
    "lookback": Parameter(126, 1, 512),
    "rebalance": Parameter(21, 1, 512),
    "top": Parameter(10, 1, 500),
}

STATE = record(
    ("closes", window(512)),  # noted `lookback` bars before each rebalance to come, and at no other bar
    ("latest_ns", "i8"),  # the first state keeps the latest bar time of the universe,
    ("bars", "i8"),  # and how many there were
    ("leader", "i8"),  # the k-th state names the instrument in the k-th place
    ("leader_return", "f8"),
)


@kernel
def step_all(states, params, bars, targets):
    """Write the exposures wanted after `bars`; a target that stays NaN keeps the last one."""
    universe, latest_ns = states[0], latest_time_ns(bars)
    if latest_ns == universe.latest_ns:
        return
    universe.latest_ns = latest_ns
    universe.bars += 1
    if universe.bars % params.rebalance == 0:
        leaders = rank(states, params.top, bars, latest_ns)
        if leaders > 0:
            targets[:] = 0.0
        for place in range(leaders):
            targets[states[place].leader] = 1.0 / params.top
    if (universe.bars + params.lookback) % params.rebalance == 0:
        awaited = (params.lookback + params.rebalance - 1) // params.rebalance
        for k in range(len(bars)):
            push(states[k].closes, awaited, bars[k].close_e4)


@kernel
def latest_time_ns(bars):
    """Return the latest close of any bar."""
    latest_ns = 0
    for k in range(len(bars)):
        latest_ns = max(latest_ns, bars[k].time_ns)
    return latest_ns


@kernel
def rank(states, top, bars, latest_ns):
    """Note the best `top` instruments in order and return how many there are; most fail the first comparison."""
    leaders = 0
    for k in range(len(bars)):
        earlier_e4 = oldest(states[k].closes)
        if earlier_e4 == 0 or bars[k].time_ns < latest_ns:
            continue
        change = (bars[k].close_e4 - earlier_e4) / earlier_e4
        if leaders < top:
            leaders += 1
        elif change <= states[top - 1].leader_return:
            continue
        place = leaders - 1
        while place > 0 and change > states[place - 1].leader_return:
            states[place].leader = states[place - 1].leader
            states[place].leader_return = states[place - 1].leader_return
            place -= 1
        states[place].leader = k
        states[place].leader_return = change
    return leaders
