"""Explore the catalog: what is in it, how good it is, and what it looks like."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Explore data and its quality")

with app.setup:
    import marimo as mo

    from alpha_panda.data.sample import catalog_or_sample


@app.cell
def _():
    catalog, origin = catalog_or_sample("data")
    mo.md(f"# What is in the catalog?\n\n{origin}")
    return (catalog,)


if __name__ == "__main__":
    app.run()
