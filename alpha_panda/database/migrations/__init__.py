"""The way of a schema from one version to the next; each revision says its tables out in full and never changes."""
