"""Readings that come in from outside: files in a watched folder, and messages of an MQTT broker."""
