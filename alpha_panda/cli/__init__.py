"""The command line, `alpha-panda`: what there is to command, each part imported when it is asked for."""

import importlib.metadata
from collections.abc import Sequence

from cyclopts import App

from alpha_panda import terminal
from alpha_panda.cli.lazy import register

app = App(
    name="alpha-panda",
    help="From an idea in a notebook to orders in an account: one chain of kernels for backtest, sweep and live.",
    help_epilogue="Every command explains itself with --help; what it answers, it says in JSON with --json.",
    version=lambda: importlib.metadata.version("alpha-panda"),
)
app.command(
    "alpha_panda.cli.data:app", name="data", help="Fill the catalog of market data, and see what it holds.", sort_key=0
)
register(
    app,
    {
        "init": "alpha_panda.cli.init:init",
        "backtest": "alpha_panda.cli.backtest:backtest",
        "report": "alpha_panda.cli.report:write_report",
        "sweep": "alpha_panda.cli.sweep:sweep_grid",
        "walkforward": "alpha_panda.cli.walkforward:walk",
        "causality": "alpha_panda.cli.causality:prove_causality",
        "research": "alpha_panda.cli.research:research",
        "live": "alpha_panda.cli.live:live",
        "web": "alpha_panda.cli.web:web",
        "status": "alpha_panda.cli.status:status",
        "pause": "alpha_panda.cli.control:pause",
        "resume": "alpha_panda.cli.control:resume",
        "flatten": "alpha_panda.cli.control:flatten",
        "kill": "alpha_panda.cli.control:kill",
        "reset": "alpha_panda.cli.control:reset",
        "record": "alpha_panda.cli.record:record_session",
        "replay": "alpha_panda.cli.replay:replay_session",
        "verify": "alpha_panda.cli.verify:verify_session",
        "rebuild": "alpha_panda.cli.rebuild:rebuild_portfolio",
        "lineage": "alpha_panda.cli.lineage:show_lineage",
        "doctor": "alpha_panda.cli.doctor:doctor",
    },
)

dlq = App(name="dlq", help="Look at what nobody could process, and put records back.", sort_key=10)
register(
    dlq,
    {
        "list": "alpha_panda.cli.dlq:list_letters",
        "show": "alpha_panda.cli.dlq:show_letter",
        "replay": "alpha_panda.cli.dlq:replay_letters",
    },
)
app.command(dlq)
topics = App(name="topics", help="The topics of sessions on a Kafka broker: made, checked, counted.", sort_key=10)
register(
    topics,
    {
        "create": "alpha_panda.cli.topics:create_topics",
        "check": "alpha_panda.cli.topics:check_topics",
        "list": "alpha_panda.cli.topics:list_topics",
        "delete": "alpha_panda.cli.topics:delete_topics",
    },
)
app.command(topics)
schemas = App(name="schemas", help="The messages of the log as JSON Schema, for readers in any language.", sort_key=10)
register(
    schemas,
    {"export": "alpha_panda.cli.schemas:export_schemas", "check": "alpha_panda.cli.schemas:check_schemas"},
)
app.command(schemas)
users = App(name="users", help="Who may sign in to the web app, and as what.", sort_key=10)
register(
    users,
    {
        "add": "alpha_panda.cli.users:add_user",
        "list": "alpha_panda.cli.users:list_users",
        "passwd": "alpha_panda.cli.users:change_password",
        "role": "alpha_panda.cli.users:change_role",
        "disable": "alpha_panda.cli.users:disable_user",
        "enable": "alpha_panda.cli.users:enable_user",
    },
)
app.command(users)
strategies = App(name="strategies", help="What each strategy is told, by its profile and by you since.", sort_key=10)
register(
    strategies,
    {
        "list": "alpha_panda.cli.strategies:list_strategies",
        "show": "alpha_panda.cli.strategies:show_strategy",
        "set": "alpha_panda.cli.strategies:set_strategy",
        "enable": "alpha_panda.cli.strategies:enable_strategy",
        "disable": "alpha_panda.cli.strategies:disable_strategy",
        "history": "alpha_panda.cli.strategies:strategy_history",
    },
)
app.command(strategies)
alerts = App(name="alerts", help="What is wrong and needs a person: who knows, and are messages sent?", sort_key=10)
register(
    alerts,
    {
        "list": "alpha_panda.cli.alerts:list_alerts",
        "ack": "alpha_panda.cli.alerts:acknowledge_alert",
        "test": "alpha_panda.cli.alerts:try_alerts",
    },
)
app.command(alerts)
database = App(
    name="database", help="The database of users, strategies and alerts: made, kept up to date.", sort_key=10
)
register(
    database,
    {"upgrade": "alpha_panda.cli.database:upgrade_database", "check": "alpha_panda.cli.database:check_database"},
)
app.command(database)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of this process, and return its exit code."""
    return terminal.run(app, arguments)
