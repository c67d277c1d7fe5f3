"""What people command an account between two events: pause, resume, flatten, kill and reset.

A pause lets nothing open, in the whole account or for one strategy; exits, guards and the square-off go on. A flatten
is a pause whose books leave at the market, as if a guard closed them: what it ended waits for a changed target, also
after the resume. A kill cancels all that is at work, and then nothing leaves any more, no exit either: positions stay
as they are. All three outlast the day. A resume takes back a pause and nothing else.

A reset takes back a kill, a halt of the loss limits and the disabling of strategies, but no pause. The exits that
guards and strategies asked for meanwhile are then made. Where a loss limit had been passed, losses count from the
equity of the reset: measured from before, the limit would be passed again at the next price. The day's counters and
the figures of the drawdown go on.
"""

from typing import Any

from alpha_panda.kernels.account import say_snapshot
from alpha_panda.kernels.bundles import borrow_outputs, borrow_state, borrow_terms
from alpha_panda.kernels.halts import close_all, reduce_again, renew_state, set_floor, stop_opening
from alpha_panda.kernels.jit import Kernel, block_kernel, kernel
from alpha_panda.kernels.orders import EVERY, cancel_openings, end_order
from alpha_panda.kernels.records import CANCELLED, FLATTEN_EXIT, NO_GUARD
from alpha_panda.kernels.risk import NONE

PAUSE = 0
RESUME = 1
KILL = 2
RESET = 3
FLATTEN = 4

COMMANDS = {"pause": PAUSE, "resume": RESUME, "flatten": FLATTEN, "kill": KILL, "reset": RESET}
"""The number of every command, as people name it."""


def _command_template(terms: Any, state: Any, outputs: Any, p: int, command: int, strategy: int, time_ns: int) -> None:
    """Carry out a command on account `p`, or on one strategy unless it is EVERY, and say how the account then stands.

    `time_ns` is that of the event before. A kill is always of the whole account.
    """
    terms, state, outputs = borrow_terms(terms), borrow_state(state), borrow_outputs(outputs)
    if command == PAUSE:
        _set_paused(state, p, strategy, 1)
        if state.accounts[p].killed == 0:
            stop_opening(terms, state, outputs, p, strategy, time_ns)
    elif command == RESUME:
        _set_paused(state, p, strategy, 0)
    elif command == FLATTEN:
        _flatten(terms, state, outputs, p, strategy, time_ns)
    elif command == KILL:
        _kill(state, outputs, p, time_ns)
    else:
        _reset(terms, state, outputs, p, strategy, time_ns)
    say_snapshot(state.accounts[p], outputs, time_ns)


@kernel
def _set_paused(state: Any, p: int, strategy: int, paused: int) -> None:
    if strategy == EVERY:
        state.accounts[p].paused = paused
        renew_state(state.accounts[p])
    else:
        state.sleeves[p, strategy].paused = paused


@kernel
def _flatten(terms: Any, state: Any, outputs: Any, p: int, strategy: int, time_ns: int) -> None:
    _set_paused(state, p, strategy, 1)
    cancel_openings(state, outputs, p, strategy, time_ns)
    close_all(terms, state, outputs, p, strategy, time_ns, FLATTEN_EXIT)
    for each in range(state.books.shape[1]):
        if strategy == EVERY or each == strategy:
            for instrument in range(state.books.shape[2]):
                book = state.books[p, each, instrument]
                # What was wanted and had not opened is not asked for again either, also where targets are sized anew.
                if book.wanted != 0 and book.guard == NO_GUARD:
                    book.wanted = 0
                    book.guard = FLATTEN_EXIT


@kernel
def _kill(state: Any, outputs: Any, p: int, time_ns: int) -> None:
    account = state.accounts[p]
    account.killed = 1
    renew_state(account)
    while account.orders_working > 0:
        end_order(state, outputs, p, 0, time_ns, CANCELLED)


@kernel
def _reset(terms: Any, state: Any, outputs: Any, p: int, strategy: int, time_ns: int) -> None:
    for each in range(state.books.shape[1]):
        if strategy == EVERY or each == strategy:
            state.sleeves[p, each].rejects = 0
            state.sleeves[p, each].disabled = 0
    if strategy != EVERY:
        return
    account = state.accounts[p]
    if account.halt_code != NONE:
        account.halt_code = NONE
        account.day_base_e4 = account.equity_e4
        account.drawdown_base_e4 = account.equity_e4
    killed = account.killed == 1
    account.killed = 0
    renew_state(account)
    set_floor(account, terms.limits[0])
    if killed:
        _leave_again(terms, state, outputs, p, time_ns)


@kernel
def _leave_again(terms: Any, state: Any, outputs: Any, p: int, time_ns: int) -> None:
    """Make the exits that a kill held back: a guard's at the next event, like any that went unfilled."""
    account = state.accounts[p]
    for strategy in range(state.books.shape[1]):
        for instrument in range(state.books.shape[2]):
            book = state.books[p, strategy, instrument]
            if book.exiting == 1:
                book.exiting = 0
                book.exit_by_ns = time_ns
                account.timer_ns = min(account.timer_ns, time_ns)
            else:
                reduce_again(terms, state, outputs, p, strategy, instrument, time_ns)


command_block: Kernel = block_kernel(_command_template)
"""The commands, compiled once like the account."""
