"""`alpha-panda data`: what there is to do with the catalog, each part imported when it is asked for."""

from cyclopts import App

from alpha_panda.cli.lazy import register

app = App(name="data")
register(
    app,
    {
        "ingest": "alpha_panda.cli.ingest:ingest_files",
        "list": "alpha_panda.cli.contents:list_contents",
        "sql": "alpha_panda.cli.sql:ask",
        "chain": "alpha_panda.cli.contents:show_chain",
        "instrument": "alpha_panda.cli.contents:show_instrument",
        "quality": "alpha_panda.cli.quality:report_quality",
        "calendar": "alpha_panda.cli.calendar:show_calendar",
    },
)

actions = App(name="actions", help="Splits, bonuses, rights and demergers: what adjusted prices are made with.")
register(
    actions,
    {
        "add": "alpha_panda.cli.actions:add_files",
        "detect": "alpha_panda.cli.actions:detect_actions",
        "list": "alpha_panda.cli.actions:list_actions",
    },
)
app.command(actions)
