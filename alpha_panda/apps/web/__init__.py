"""The web app put together: one ASGI application behind one gate, with who may enter and how it is served."""
