"""How the pages look: the colours of the charts as variables of CSS, and what Material UI is told."""

from typing import Any

from alpha_panda.apps.charts.theme import DARK, FONT, LIGHT, Theme, variables
from alpha_panda.apps.dashboard.components import browser_file

ALARM = "#d93025"
"""The red of an alarm and of live trading, with white on it, in both themes."""


def page_css() -> str:
    """Return the style sheet of a page; `data-theme` of its root says which colours hold.

    Bokeh gives every part a `--border` of its own, so the pages' is called `--line`.
    """
    light, dark = (f"{variables(theme)} --line: {theme.border};" for theme in (LIGHT, DARK))
    return "\n".join(
        (
            f":root {{ color-scheme: light; --alarm: {ALARM}; --font: {FONT}; {light} --hover: #eef3f8; }}",
            f':root[data-theme="dark"] {{ color-scheme: dark; {dark} --hover: #1a232c; }}',
            browser_file("theme.css"),
        )
    )


def material(theme: Theme) -> dict[str, Any]:
    """Return the palette of Material UI in the colours of a theme."""
    return {
        "palette": {
            "primary": {"main": theme.buy},
            "error": {"main": theme.down},
            "success": {"main": theme.up},
            "warning": {"main": theme.warn},
            "background": {"default": theme.background, "paper": theme.surface},
            "text": {"primary": theme.text, "secondary": theme.muted},
            "divider": theme.border,
        },
        "typography": {"fontFamily": FONT, "fontSize": 12.5, "htmlFontSize": 16},
        "shape": {"borderRadius": 6},
    }


MATERIAL = {"light": material(LIGHT), "dark": material(DARK)}

PAGE = {
    ".MuiAppBar-root": {
        "backgroundColor": "var(--surface) !important",
        "backgroundImage": "none",
        "color": "var(--text) !important",
        "borderBottom": "1px solid var(--line)",
        "boxShadow": "none",
    },
    ".MuiToolbar-root": {
        "height": "44px",
        "minHeight": "44px !important",
        "margin": "0 !important",
        "padding": "0 12px !important",
    },
    ".MuiToolbar-root > .MuiBox-root": {"minWidth": "0"},
    ".MuiLinearProgress-root": {"display": "none"},
    ".main": {"backgroundColor": "var(--background) !important"},
    ".main-content": {"overflowY": "auto", "overflowX": "hidden"},
}
"""Rules for what Panel's page draws itself; nothing outside reaches into it."""
