"""Alarms: what is wrong with a session and needs a person, on the screens and to wherever people are called."""
