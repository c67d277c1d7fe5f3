"""What a person or a machine sees of a session: screen, metrics, health, logs and spans; nothing here decides."""
